package skill

import (
	"strconv"

	"handful/core/fault"
)

// Trained is the inventory with the router rows of its training tasks: TaskRows
// where it ships them, else its own rows. Tasks may share a row.
func (inv *Inventory) Trained() *Inventory {
	if inv.TaskRows == nil || inv.Manifest == nil {
		return inv
	}
	c := *inv
	c.Logits, c.Tasks = inv.TaskRows, inv.Manifest.RouterRows()
	return &c
}

// TaskName names a row of Trained by the first of its tasks in the manifest,
// else by its index.
func (inv *Inventory) TaskName(row int) string {
	if inv.Manifest != nil {
		for i, name := range inv.Manifest.Tasks {
			if inv.Manifest.Row(i) == row {
				return name
			}
		}
	}
	return strconv.Itoa(row)
}

// Task gives the logits of one training task per site, by its name or by the
// index of a row of Trained. Where sites share a router it starts from the mean of theirs,
// see Shared.
func (inv *Inventory) Task(id string) (map[string][]float32, error) {
	n := inv.Trained().Tasks
	row, err := strconv.Atoi(id)
	if err != nil {
		row = -1
		if inv.Manifest != nil {
			if r, ok := inv.Manifest.RowOf(id); ok {
				row = r
			}
		}
		if row < 0 {
			return nil, fault.Inputf("inventory", "no task named %q", id).Next("`handful inspect` lists the tasks; an index below %d works too", n)
		}
	}
	return inv.MeanTask(row)
}

// MeanTask is the mean of the logits of rows of Trained, element by element.
// Logits are what is trained, so the mean lies between the rows in the space
// that the optimiser moves in; a mean of mixtures would want logits made up to
// fit it.
func (inv *Inventory) MeanTask(rows ...int) (map[string][]float32, error) {
	from, qs, z := inv.Trained(), inv.Splits*inv.Skills, map[string][]float32{}
	for _, row := range rows {
		if row < 0 || row >= from.Tasks {
			return nil, fault.Inputf("inventory", "task %d, want 0 to %d", row, from.Tasks-1).Next("`handful inspect` lists the tasks")
		}
	}
	for _, s := range inv.Sites {
		z[s] = make([]float32, qs)
		for i := range z[s] {
			sum := 0.0
			for _, row := range rows {
				if len(from.Logits[s]) < (row+1)*qs {
					return nil, fault.Inputf("inventory", "%s has no router row %d", s, row).Next("get the inventory again")
				}
				sum += float64(from.Logits[s][row*qs+i])
			}
			z[s][i] = float32(sum / float64(len(rows)))
		}
	}
	return z, nil
}
