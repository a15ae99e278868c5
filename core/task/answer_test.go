package task

import (
	"reflect"
	"testing"
)

// An option takes the place of the answer: behind the tokens before the first
// label, or as all that a decoder says.
func TestAnswering(t *testing.T) {
	const pair = `{"input_ids":[5,6,7],"labels":[7,1],"options":[[8,1],[7,1]],"task_id":2}`
	const row = `{"input_ids":[5,6,7,1],"labels":[-100,-100,7,1],"options":[[8,9,1],[7,1]]}`
	for name, c := range map[string]struct {
		line        string
		l           Limits
		ids, labels []int32
		source      string
	}{
		"decoder":         {row, Limits{Vocab: 10}, []int32{5, 6, 8, 9, 1}, []int32{-100, -100, 8, 9, 1}, "5 6"},
		"encoder-decoder": {pair, Limits{Vocab: 10, Encodes: true}, []int32{5, 6, 7}, []int32{8, 1}, "5 6 7"},
	} {
		t.Run(name, func(t *testing.T) {
			p := Parse([]byte(c.line))
			if err := p.Err(); err != nil {
				t.Fatal(err)
			}
			ex := p.Examples[0]
			if got := ex.Answer(); got != ex.Options[1] || got != "7 1" || ex.source() != c.source {
				t.Errorf("answer %q of %q, behind %q, want that behind %q", got, ex.Options, ex.source(), c.source)
			}
			other := ex.Answering(ex.Options[0], c.l)
			if !reflect.DeepEqual(other.InputIDs, c.ids) || !reflect.DeepEqual(other.Labels, c.labels) || other.TaskID != ex.TaskID {
				t.Errorf("got %v with labels %v, want %v with %v", other.InputIDs, other.Labels, c.ids, c.labels)
			}
			if _, err := Encode(nil, nil, "", other, c.l); err != nil {
				t.Error(err)
			}
			if again := Parse([]byte(JSONLines(p.Examples))); !reflect.DeepEqual(again.Examples, p.Examples) {
				t.Errorf("written and read again: %+v, want %+v", again.Examples, p.Examples)
			}
		})
	}
}
