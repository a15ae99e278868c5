package skill

import (
	"strconv"

	"handful/core/fault"
)

// Task gives the logits of one training task per site, by index or by name:
// a row of TaskRows where the inventory ships them, else of Logits.
func (inv *Inventory) Task(id string) (map[string][]float32, error) {
	table, n := inv.Logits, inv.Tasks
	if inv.TaskRows != nil && inv.Manifest != nil {
		table, n = inv.TaskRows, len(inv.Manifest.Tasks)
	}
	row, err := strconv.Atoi(id)
	if err != nil {
		row = -1
		if inv.Manifest != nil {
			for i, name := range inv.Manifest.Tasks {
				if name == id {
					row = i
				}
			}
		}
		if row < 0 {
			return nil, fault.Inputf("inventory", "no task named %q", id).Next("`handful inspect` lists the tasks; an index below %d works too", n)
		}
	}
	if row < 0 || row >= n {
		return nil, fault.Inputf("inventory", "task %d, want 0 to %d", row, n-1).Next("`handful inspect` lists the tasks")
	}
	qs := inv.Splits * inv.Skills
	z := map[string][]float32{}
	for _, s := range inv.Sites {
		if len(table[s]) < (row+1)*qs {
			return nil, fault.Inputf("inventory", "%s has no router row %d", s, row).Next("get the inventory again")
		}
		z[s] = append([]float32(nil), table[s][row*qs:(row+1)*qs]...)
	}
	return z, nil
}
