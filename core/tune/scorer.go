package tune

import (
	"context"
	"slices"

	"handful/core/device"
	"handful/core/fault"
	"handful/core/graph"
	"handful/core/model"
	"handful/core/route"
	"handful/core/tensor"
)

// batchTokens is how many tokens a scoring batch aims at.
const batchTokens = 384

// Scorer computes the likelihood of rows' labels under an adapter.
type Scorer struct {
	d      device.Device
	m      model.Model
	ad     route.Adapter
	tasks  int // router rows; 1 for single adapters
	greedy bool
	most   int // tokens of a batch: batchTokens, less where memory is short
	progs  map[shape]scoreProgram
	prefix []int32   // tokens that stand before every row
	kv     *model.KV // of prefix
}

type scoreProgram struct {
	lg   *lossGraph
	prog device.Program
}

// RowScore is a row's outcome. Greedy tells whether every label is the most
// likely token given the right ones before it, which is whether greedy
// decoding gives exactly this answer; it is false unless asked for.
type RowScore struct {
	Sum    float64 // nats
	Tokens int
	Greedy bool
}

// NewScorer scores under ad; nil is the bare base. tasks is the number of
// router rows that rows' task ids may name (1: they are ignored).
func NewScorer(d device.Device, m model.Model, ad route.Adapter, tasks int, greedy bool) *Scorer {
	return &Scorer{d: d, m: m, ad: ad, tasks: tasks, greedy: greedy, most: batchTokens, progs: map[shape]scoreProgram{}}
}

// Behind makes rows stand behind tokens that are computed once, such as
// examples in a prompt; each row sees them and itself. It is called before the
// first row; the adapter's row is that of task 0.
func (s *Scorer) Behind(prefix []int32) { s.prefix = prefix }

// Score scores rows, in batches of several rows each.
func (s *Scorer) Score(ctx context.Context, rows []Row) (out []RowScore, err error) {
	groups := make([][]Row, len(rows))
	for i := range rows {
		groups[i] = rows[i : i+1]
	}
	return s.ScoreGroups(ctx, groups)
}

// ScoreGroups scores groups of rows whose beginnings are alike, such as one
// prompt with each of the answers to choose from: what the rows of a group
// share, up to the first label, is computed once. The result lists the rows in
// order.
func (s *Scorer) ScoreGroups(ctx context.Context, groups [][]Row) (out []RowScore, err error) {
	defer fault.Recover("score", &err)
	if err := s.fill(ctx, groups); err != nil {
		return nil, err
	}
	for at := 0; at < len(groups); {
		end, tokens := at, 0
		for end < len(groups) && (end == at || s.kv == nil && tokens+weight(groups[end]) <= s.most) {
			tokens += weight(groups[end])
			end++
		}
		got, err := s.batch(ctx, groups[at:end])
		if err != nil {
			return nil, err
		}
		out, at = append(out, got...), end
	}
	return out, nil
}

// fill computes the prefix, with room for the largest group behind it.
func (s *Scorer) fill(ctx context.Context, groups [][]Row) (err error) {
	if len(s.prefix) == 0 {
		return nil
	}
	room := 0
	for _, g := range groups {
		room = max(room, weight(g))
	}
	if s.kv != nil {
		if s.kv.Rows-s.kv.Shared >= room {
			return nil
		}
		s.forget()
	}
	var bind model.Bind
	if s.ad != nil {
		bind = s.ad.Bind
	}
	s.kv, err = model.Prefix(ctx, s.d, s.m, bind, []int32{0}, s.prefix, room)
	return err
}

// weight is a group's tokens when what is shared stands once.
func weight(rows []Row) int {
	n := shared(rows)
	total := n + len(rows[0].Source)
	for _, r := range rows {
		total += len(r.IDs) - n
	}
	return total
}

// shared is how many tokens rows have in common before any label, at least one
// of each row left out; 0 for a single row, and for rows of an encoder-decoder,
// which share a source.
func shared(rows []Row) int {
	if len(rows) < 2 || len(rows[0].Source) > 0 {
		return 0
	}
	n := 0
	for ; ; n++ {
		for _, r := range rows {
			if n+1 >= len(r.IDs) || r.IDs[n] != rows[0].IDs[n] || r.Labels[n] >= 0 || r.Task != rows[0].Task {
				return n
			}
		}
	}
}

// batch scores groups in one run or, where that is above the device's budget of
// memory, in halves.
func (s *Scorer) batch(ctx context.Context, groups [][]Row) ([]RowScore, error) {
	got, err := s.run(ctx, groups)
	if !fault.Is(err, fault.Memory) {
		return got, err
	}
	a, b := groups[:len(groups)/2], groups[len(groups)/2:]
	if len(groups) == 1 {
		rows := groups[0]
		a, b = [][]Row{rows[:len(rows)/2]}, [][]Row{rows[len(rows)/2:]}
	}
	if len(a) == 0 || len(a[0]) == 0 {
		return nil, err // a single row
	}
	s.most = max(1, s.most/2)
	first, err := s.batch(ctx, a)
	if err != nil {
		return nil, err
	}
	second, err := s.batch(ctx, b)
	return append(first, second...), err
}

// run scores groups in one run.
func (s *Scorer) run(ctx context.Context, groups [][]Row) ([]RowScore, error) {
	var task []int32
	var parts [][]model.Seq
	var common []int
	share, count := s.kv != nil, 0
	slot := map[int32]int32{}
	for _, rows := range groups {
		var part []model.Seq
		for _, r := range rows {
			id := int32(0)
			if s.tasks > 1 {
				if r.Task < 0 || r.Task >= s.tasks {
					return nil, fault.Inputf("score", "task_id %d, want 0 to %d", r.Task, s.tasks-1).Next("correct the row's task_id, or choose one task for all rows")
				}
				id = int32(r.Task)
			}
			k, ok := slot[id]
			if !ok {
				k = int32(len(task))
				slot[id] = k
				task = append(task, id)
			}
			part = append(part, r.seq(k))
		}
		parts = append(parts, part)
		count += len(part)
		common = append(common, shared(rows))
		share = share || common[len(common)-1] > 0
	}
	if !share {
		common = nil
	}
	r := lay(s.m, parts, common)
	out := make([]RowScore, count)
	labels := len(r.Rows)
	if labels == 0 {
		return out, nil
	}
	sh := sized(r, len(task))
	sh.shared, sh.prefix = share, s.kv
	sp, err := s.program(ctx, sh)
	if err != nil {
		return nil, err
	}
	if err := sp.lg.write(sp.prog, r, task); err != nil {
		return nil, err
	}
	if err := sp.prog.Run(ctx); err != nil {
		return nil, err
	}
	for i := range out {
		out[i].Greedy = s.greedy
	}
	at := 0
	for _, p := range sp.lg.pieces {
		nll, err := readF32(ctx, sp.prog, p.nll)
		if err != nil {
			return nil, err
		}
		var logits []float32
		if s.greedy {
			if logits, err = readF32(ctx, sp.prog, p.logits); err != nil {
				return nil, err
			}
		}
		for i := 0; i < len(nll) && at+i < labels; i++ {
			o := &out[r.Of[at+i]]
			o.Sum += float64(nll[i])
			o.Tokens++
			if s.greedy {
				v := p.logits.Shape[1]
				o.Greedy = o.Greedy && model.ArgMax(logits[i*v:(i+1)*v]) == int(r.Labels[at+i])
			}
		}
		at += len(nll)
	}
	return out, nil
}

func (s *Scorer) program(ctx context.Context, sh shape) (scoreProgram, error) {
	if p, ok := s.progs[sh]; ok {
		return p, nil
	}
	s.drop() // one program at a time: each holds its own arena
	lg := newLossGraph(s.m, s.ad, sh, false, s.d.Info().MaxBinding)
	var outs []*graph.Node
	for _, p := range lg.pieces {
		outs = append(outs, p.nll)
		if s.greedy {
			outs = append(outs, p.logits)
		}
	}
	prog, err := s.d.Compile(ctx, outs...)
	if err != nil {
		return scoreProgram{}, err
	}
	s.progs[sh] = scoreProgram{lg, prog}
	return s.progs[sh], nil
}

// Logits are a row's logits at every token, [tokens, vocab]; of an
// encoder-decoder at every token that its decoder reads, which is all but the
// last.
func (s *Scorer) Logits(ctx context.Context, row Row) (_ []float32, err error) {
	defer fault.Recover("score", &err)
	all := Row{IDs: row.IDs, Source: row.Source}
	if len(row.Source) == 0 {
		all.IDs = append(slices.Clone(row.IDs), 0)
	}
	all.Labels = make([]int32, len(all.IDs)) // a label after every token asks for every row
	id := int32(0)
	if s.tasks > 1 {
		id = int32(row.Task)
	}
	r := lay(s.m, [][]model.Seq{{all.seq(0)}}, nil)
	lg := newLossGraph(s.m, s.ad, shape{tokens: r.Tokens(), labels: len(r.Rows), slots: 1, source: len(r.Source.IDs)}, false, s.d.Info().MaxBinding)
	var outs []*graph.Node
	for _, p := range lg.pieces {
		outs = append(outs, p.logits)
	}
	prog, err := s.d.Compile(ctx, outs...)
	if err != nil {
		return nil, err
	}
	defer prog.Close()
	if err := lg.write(prog, r, []int32{id}); err != nil {
		return nil, err
	}
	if err := prog.Run(ctx); err != nil {
		return nil, err
	}
	var out []float32
	for _, o := range outs {
		v := make([]float32, o.Numel())
		if err := prog.Read(ctx, o, tensor.F32Bytes(v)); err != nil {
			return nil, err
		}
		out = append(out, v...)
	}
	return out, nil
}

// Close frees the programs and the prefix.
func (s *Scorer) Close() { s.forget() }

func (s *Scorer) drop() {
	for k, p := range s.progs {
		p.prog.Close()
		delete(s.progs, k)
	}
}

// forget frees the prefix and what was compiled for it.
func (s *Scorer) forget() {
	s.drop()
	if s.kv != nil {
		s.kv.Free(s.d)
		s.kv = nil
	}
}
