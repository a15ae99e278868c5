package pretrain

import (
	"fmt"
	"strings"
	"testing"

	"handful/core/fault"
	"handful/core/format"
)

func folder(files ...string) (f format.Folder) {
	for i := 0; i < len(files); i += 2 {
		f = append(f, format.NamedBlob{Name: files[i], Blob: format.BytesBlob([]byte(files[i+1]))})
	}
	return f
}

func names(ts []Task) string {
	var n []string
	for _, t := range ts {
		n = append(n, fmt.Sprintf("%s/%s:%d", t.Family, t.Name, len(t.Rows)))
	}
	return strings.Join(n, " ")
}

const two = `{"input":"a","output":"x"}` + "\n" + `{"input":"b","output":"y"}` + "\n"

func TestReadTasks(t *testing.T) {
	manifest := `[{"name":"t1","split":"train","category":"p3/qasc","ship":false},{"name":"t2","category":"p3/qasc"},{"name":"word_3","split":"train","category":"c"},
{"name":"d","dataset":"set"},{"name":"h","split":"heldout"}]`
	all := folder("manifest.json", manifest, "train/t1.jsonl", two, "train/t2.jsonl", two, "train/word_3.jsonl", two, "train/d.jsonl", two, "heldout/h.jsonl", `{"input":"z","output":"x"}`)
	for _, c := range []struct {
		f    format.Folder
		ship bool
		want string
	}{
		{all, false, "p3/qasc/t1:2 p3/qasc/t2:2 word/word_3:2 set/d:2"},
		{all, true, "p3/qasc/t2:2 word/word_3:2 set/d:2"},
		{folder("b.jsonl", two, "a.jsonl", two, "notes.txt", "x"), true, "a/a:2 b/b:2"},
		{folder("manifest.json", `{"tasks":[{"name":"a"}]}`, "a.jsonl", two), true, "a/a:2"},
	} {
		ts, notes, err := ReadTasks(c.f, c.ship)
		if err != nil || names(ts) != c.want || len(notes) != 0 {
			t.Errorf("%v: %s %q %v, want %s", c.f.Names(), names(ts), notes, err, c.want)
		}
	}
}

func TestReadTasksFaults(t *testing.T) {
	for _, c := range []struct {
		f    format.Folder
		want string
	}{
		{folder("x.txt", "x"), "manifest.json with train/*.jsonl"},
		{folder("manifest.json", "[{]"), "malformed"},
		{folder("manifest.json", `[{"name":"a","split":"test"}]`), `split "test"`},
		{folder("manifest.json", `[{"name":"a","labels":["x","z"]}]`, "train/a.jsonl", two), `train/a.jsonl:2: the output "y" is none of the manifest's 2 labels`},
		{folder("a.jsonl", two+"{"), "a.jsonl:3:2: not JSON"},
		{folder("a.jsonl", `{"input":"a"}`+"\n"+`{"input":"b"}`), "a.jsonl:1: no output, want output, label, completion, answer, target or response (and 1 more faults)"},
	} {
		_, _, err := ReadTasks(c.f, false)
		if !fault.Is(err, fault.Input) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.f.Names(), err, c.want)
		}
	}
}

func TestInFile(t *testing.T) {
	for msg, want := range map[string]string{
		"line 3, column 5: no": "tasks: f:3:5: no", "line 12: no: no": "tasks: f:12: no: no", "line 7 has 9 tokens": "tasks: f:7: has 9 tokens",
		"nothing": "tasks: f: nothing", "line of sight": "tasks: f: line of sight",
	} {
		if got := InFile("f", fault.Inputf("examples", "%s", msg)).Error(); got != want {
			t.Errorf("%q becomes %q, want %q", msg, got, want)
		}
	}
}

func TestSplitHoldsAboutTheFraction(t *testing.T) {
	var b strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&b, "{\"input\":\"row %d\",\"output\":\"%d\"}\n", i/2, i) // each input twice
	}
	ts, _, err := ReadTasks(folder("a.jsonl", b.String()), false)
	if err != nil {
		t.Fatal(err)
	}
	train, held := Split(ts[0], 0.05)
	if len(train)+len(held) != 2000 || len(held) < 60 || len(held) > 140 {
		t.Errorf("%d and %d rows of 2000, want about 100 held", len(train), len(held))
	}
	side := map[string]bool{}
	for _, x := range held {
		side[x.Input] = true
	}
	for _, x := range train {
		if side[x.Input] {
			t.Fatalf("%q is on both sides", x.Input)
		}
	}
	// A row's side hangs on the row alone.
	ts[0].Rows = ts[0].Rows[1000:]
	_, fewer := Split(ts[0], 0.05)
	for _, x := range fewer {
		if !side[x.Input] {
			t.Fatalf("%q has changed sides", x.Input)
		}
	}
	if train, held := Split(Task{Rows: ts[0].Rows[:4]}, 0.999999); len(train) != 4 || held != nil {
		t.Error("a task must keep rows to train on")
	}
}
