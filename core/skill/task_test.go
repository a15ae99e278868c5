package skill

import "testing"

// Three training tasks share two router rows.
func TestTasksThatShareARow(t *testing.T) {
	inv := &Inventory{Config: Config{Splits: 1, Skills: 2, Tasks: 1}, Sites: []string{"q"},
		Logits: map[string][]float32{"q": {0, 0}}, TaskRows: map[string][]float32{"q": {1, 2, 3, 4}},
		Manifest: &Manifest{Tasks: []string{"a", "b", "c"}, Rows: []int{0, 1, 0}}}
	if err := inv.Manifest.Check(); err != nil {
		t.Fatal(err)
	}
	if n := inv.Trained().Tasks; n != 2 {
		t.Errorf("%d rows, want 2", n)
	}
	for id, want := range map[string]float32{"a": 1, "b": 3, "c": 1, "0": 1, "1": 3} {
		z, err := inv.Task(id)
		if err != nil || z["q"][0] != want {
			t.Errorf("task %s: %v %v, want a row that begins with %v", id, z, err, want)
		}
	}
	for _, id := range []string{"2", "-1", "d"} {
		if _, err := inv.Task(id); err == nil {
			t.Errorf("task %s: no fault", id)
		}
	}
	if a, b := inv.TaskName(0), inv.TaskName(1); a != "a" || b != "b" {
		t.Errorf("rows are named %s and %s, want a and b", a, b)
	}
	for _, rows := range [][]int{{0}, {0, 1, 3}, {0, -1, 1}} {
		if (&Manifest{Tasks: inv.Manifest.Tasks, Rows: rows}).Check() == nil {
			t.Errorf("rows %v: no fault", rows)
		}
	}
}
