package eval

// Group is the results of one method on one task with one number of shots, a
// seed each.
type Group struct {
	Task, Distance, Name string
	Shots                int
	Cells                []Result
}

// Groups puts results together, in the order in which their groups appear.
func Groups(results []Result) (out []*Group) {
	type key struct {
		task, name string
		shots      int
	}
	at := map[key]*Group{}
	for _, r := range results {
		k := key{r.Task, r.Name, r.Shots}
		g := at[k]
		if g == nil {
			g = &Group{Task: r.Task, Distance: r.Distance, Name: r.Name, Shots: r.Shots}
			at[k] = g
			out = append(out, g)
		}
		g.Cells = append(g.Cells, r)
	}
	return out
}

// Of is the mean over the seeds of a field.
func (g *Group) Of(field func(*Result) float64) float64 {
	var v []float64
	for i := range g.Cells {
		v = append(v, field(&g.Cells[i]))
	}
	return Mean(v)
}

// Value is the mean over the seeds by the results' metric.
func (g *Group) Value() float64 { return g.Of((*Result).Value) }

// N is the number of rows judged, all seeds together.
func (g *Group) N() (n int) {
	for _, c := range g.Cells {
		n += c.N
	}
	return n
}

func (g *Group) cells() (out []Cell) {
	for i := range g.Cells {
		out = append(out, g.Cells[i].Cell())
	}
	return out
}

// Interval is that of Value over seeds and their rows.
func (g *Group) Interval() Interval { return Cells{g.cells()}.Interval() }

// Overall is a method with so many shots over all tasks.
type Overall struct {
	Name         string
	Shots, Tasks int
	Mean         float64 // over tasks of the mean over seeds
	Interval     Interval
	Trainable    int // most of any task
}

// Over averages groups over tasks, a method and number of shots each, in order
// of appearance.
func Over(groups []*Group) (out []Overall) {
	type key struct {
		name  string
		shots int
	}
	at := map[key]int{}
	var cells []Cells
	for _, g := range groups {
		k := key{g.Name, g.Shots}
		i, ok := at[k]
		if !ok {
			i = len(out)
			at[k] = i
			out = append(out, Overall{Name: g.Name, Shots: g.Shots})
			cells = append(cells, nil)
		}
		for c := range g.Cells {
			out[i].Trainable = max(out[i].Trainable, g.Cells[c].Trainable)
		}
		cells[i] = append(cells[i], g.cells())
		out[i].Tasks++
		out[i].Mean += g.Value()
	}
	for i := range out {
		out[i].Mean /= float64(out[i].Tasks)
		out[i].Interval = cells[i].Interval()
	}
	return out
}

// Versus compares methods a and b by the cells that both have: the same task,
// shots and seed, so the same examples and the same rows. shots 0 takes cells
// of any number.
func Versus(results []Result, a, b string, shots int) Paired {
	type key struct {
		task  string
		shots int
		seed  uint64
	}
	other := map[key]*Result{}
	for i := range results {
		if r := &results[i]; r.Name == b {
			other[key{r.Task, r.Shots, r.Seed}] = r
		}
	}
	at := map[string]int{}
	var tasks Cells
	for i := range results {
		r := &results[i]
		o := other[key{r.Task, r.Shots, r.Seed}]
		if r.Name != a || o == nil || shots > 0 && r.Shots != shots || r.N != o.N {
			continue
		}
		k, ok := at[r.Task]
		if !ok {
			k = len(tasks)
			at[r.Task] = k
			tasks = append(tasks, nil)
		}
		tasks[k] = append(tasks[k], difference(r, o))
	}
	return Compare(tasks)
}

// difference is a − b, row by row where both kept the same rows.
func difference(a, b *Result) Cell {
	x, y := a.Cell(), b.Cell()
	d := make(Cell, len(x))
	for class := range x {
		if len(x) != len(y) || len(x[class]) != len(y[class]) {
			return Cell{{a.Value() - b.Value()}}
		}
		for i := range x[class] {
			d[class] = append(d[class], x[class][i]-y[class][i])
		}
	}
	return d
}
