package rpc

import (
	"encoding/json"
	"slices"
	"sync"
	"time"

	"handful/core/fault"
)

// pause is the shortest time between two coalesced events of a call: more than
// ten a second help nobody and keep a page from painting.
const pause = 100 * time.Millisecond

// Emitter sends one call's events, in order.
type Emitter struct {
	id   uint32
	post func(Event)

	mu      sync.Mutex
	seq     uint32
	waiting []waiting
	last    time.Time   // when the last coalesced event left
	timer   *time.Timer // runs while something waits
	ended   bool
}

// waiting is a coalesced event that is not sent yet.
type waiting struct {
	kind, key string
	data      []json.RawMessage
	list      bool
}

// Send sends an event now, after those that wait.
func (e *Emitter) Send(kind string, data any, blobs ...Blob) {
	b, err := json.Marshal(data)
	e.mu.Lock()
	defer e.mu.Unlock()
	if err != nil || e.ended {
		return // data are our own types; a late event belongs to nobody
	}
	e.flush()
	e.send(Event{Kind: kind, Data: b, Blobs: blobs})
}

// Batch sends data soon, in an array with others of its kind: none is lost and
// there are at most ten events a second.
func (e *Emitter) Batch(kind string, data any) { e.later(kind, "", data, true) }

// Latest sends data soon, unless newer data of that kind and key come first.
func (e *Emitter) Latest(kind, key string, data any) { e.later(kind, key, data, false) }

func (e *Emitter) later(kind, key string, data any, list bool) {
	b, err := json.Marshal(data)
	e.mu.Lock()
	defer e.mu.Unlock()
	if err != nil || e.ended {
		return
	}
	i := slices.IndexFunc(e.waiting, func(w waiting) bool { return w.kind == kind && w.key == key })
	switch {
	case i < 0:
		e.waiting = append(e.waiting, waiting{kind, key, []json.RawMessage{b}, list})
	case list:
		e.waiting[i].data = append(e.waiting[i].data, b)
	default:
		e.waiting[i].data[0] = b
	}
	switch rest := pause - time.Since(e.last); {
	case rest <= 0:
		e.flush()
	case e.timer == nil:
		var t *time.Timer
		t = time.AfterFunc(rest, func() {
			e.mu.Lock()
			defer e.mu.Unlock()
			if e.timer == t && !e.ended { // else another flush was faster
				e.timer = nil
				e.flush()
			}
		})
		e.timer = t
	}
}

// end sends the last event: done with the result, or the fault.
func (e *Emitter) end(result any, blobs []Blob, err error) {
	ev := Event{Kind: Done, Blobs: blobs}
	if err == nil {
		ev.Data, err = json.Marshal(result)
	}
	if err != nil {
		ev = Event{Kind: Fault, Err: fault.From("rpc", err)}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.flush()
	e.send(ev)
	e.ended = true
}

func (e *Emitter) flush() {
	if e.timer != nil {
		e.timer.Stop()
		e.timer = nil
	}
	for _, w := range e.waiting {
		b := w.data[0]
		if w.list {
			b, _ = json.Marshal(w.data) // raw messages that Marshal itself wrote
		}
		e.send(Event{Kind: w.kind, Data: b})
		e.last = time.Now()
	}
	e.waiting = e.waiting[:0]
}

func (e *Emitter) send(ev Event) {
	e.seq++
	ev.ID, ev.Seq = e.id, e.seq
	e.post(ev)
}
