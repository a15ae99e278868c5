package calls

import (
	"fmt"

	"handful/core/engine"
	"handful/wasm/rpc"
)

// AdaptOptions puts what was asked for over the method's defaults and what the
// inventory recommends. Rows that are kept aside are scored unless the caller
// says otherwise.
func AdaptOptions(eng *engine.Engine, r rpc.Request) (engine.AdaptOptions, error) {
	o := engine.AdaptOptions{}
	if err := r.Into(&o); err != nil {
		return o, err
	}
	if o.Method == "" {
		o.Method = "z"
	}
	aside := o.Holdout > 0 || o.Held != ""
	o = eng.Defaults(o.Method)
	o.Score = aside
	return o, r.Into(&o)
}

// Events makes the call's events of a fine-tune's; files of saved steps go to
// made. blob is bytes as they travel.
func Events(emit *rpc.Emitter, made *Fit, blob func([]byte) rpc.Blob) func(engine.Event) {
	return func(ev engine.Event) {
		switch {
		case ev.Resumed != nil:
			emit.Send("resumed", ev.Resumed)
		case ev.Start != nil:
			emit.Latest("start", "", ev.Start)
		case ev.Plan != nil:
			emit.Send("plan", ev.Plan)
		case ev.Step != nil:
			emit.Batch("step", ev.Step)
		case ev.Held != nil:
			emit.Send("held", ev.Held)
		case ev.Routing != nil:
			emit.Latest("routing", "", ev.Routing)
		case ev.Score != nil:
			emit.Send("score", ev.Score)
		case ev.Lost != nil:
			emit.Send("lost", ev.Lost)
		case ev.Snapshot != nil:
			emit.Send("snapshot", ev.Snapshot, blob(ev.Snapshot.Bytes))
		case ev.Save != nil:
			for _, f := range ev.Save.Files {
				made.Saved = append(made.Saved, engine.File{Name: fmt.Sprintf("step%d/%s", ev.Save.Step, f.Name), Bytes: f.Bytes})
			}
			emit.Send("save", ev.Save)
		}
	}
}
