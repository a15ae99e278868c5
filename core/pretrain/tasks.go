// Package pretrain prepares multi-task pre-training: it reads folders of tasks,
// keeps rows aside, draws batches that mix tasks, makes the first values of an
// inventory and writes the result.
package pretrain

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"handful/core/fault"
	"handful/core/format"
	"handful/core/task"
)

const op = "tasks"

// Task is one task to learn.
type Task struct {
	Name        string
	File        string // of its rows, as faults name it
	Instruction string
	Category    string
	Family      string // tasks of one family are drawn as one
	Source      string
	Licence     string
	Ship        bool // what is trained on it may be shipped
	Rows        []task.Example
}

// entry is a task in manifest.json.
type entry struct {
	Name        string   `json:"name"`
	Split       string   `json:"split"` // train, heldout; "" is train
	Category    string   `json:"category"`
	Dataset     string   `json:"dataset"`
	Instruction string   `json:"instruction"`
	Labels      []string `json:"labels"`
	Source      string   `json:"source"`
	Licence     string   `json:"licence"`
	Ship        *bool    `json:"ship"` // nil is yes
}

// Limits of a folder of tasks.
const (
	maxTasks    = 1 << 14
	maxManifest = 16 << 20
	maxFile     = 256 << 20
	maxLine     = 256 << 10 // bytes of a row; a context's worth of text is far below
)

// ReadTasks reads a folder of tasks: manifest.json, a list of tasks (or an
// object with the list under "tasks"), with the rows in train/NAME.jsonl; or,
// without a manifest, one task for each .jsonl file. ship leaves out what may
// not be shipped. A row that can't be read is a fault that names file and line.
// What can be read and would do harm is left out, and notes say so by file and
// line: rows that heldout/ has too, and tasks whose rows all have one output.
func ReadTasks(f format.Folder, ship bool) ([]Task, []string, error) {
	tasks, notes, err := readTasks(f, ship)
	return tasks, notes, fault.Or(err, "correct it, or take the task out")
}

func readTasks(f format.Folder, ship bool) (tasks []Task, notes []string, err error) {
	r := &taskReader{held: map[string]string{}}
	list, err := r.entries(f)
	if err != nil {
		return nil, nil, err
	}
	for _, e := range list {
		if e.Split == "heldout" {
			r.heldOut(f, e)
		}
	}
	for _, e := range list {
		if e.Split != "heldout" && (!ship || e.Ship == nil || *e.Ship) {
			if t := r.task(f, e); len(t.Rows) > 0 {
				tasks = append(tasks, t)
			}
		}
	}
	if err := r.err(); err != nil {
		return nil, nil, err
	}
	if len(tasks) == 0 {
		return nil, nil, fault.Inputf(op, "no training task is left of %d", len(list)).Next("give tasks with split train")
	}
	return tasks, r.notes, nil
}

// taskReader collects faults, so that a person hears of several at once.
type taskReader struct {
	faults []*fault.Error
	notes  []string
	held   map[string]string // where a held-out row stands, by pair
}

func (r *taskReader) fail(at, format string, args ...any) {
	r.faults = append(r.faults, fault.Inputf(op, "%s: %s", at, fmt.Sprintf(format, args...)))
}

func (r *taskReader) note(at, format string, args ...any) {
	r.notes = append(r.notes, at+": "+fmt.Sprintf(format, args...))
}

// err is the first fault, and how many more there are.
func (r *taskReader) err() error {
	if len(r.faults) == 0 {
		return nil
	}
	f := *r.faults[0]
	if n := len(r.faults) - 1; n > 0 {
		f.Msg += fmt.Sprintf(" (and %d more faults)", n)
	}
	return &f
}

// entries reads manifest.json, or makes an entry of each file.
func (r *taskReader) entries(f format.Folder) ([]entry, error) {
	i := slices.IndexFunc(f, func(b format.NamedBlob) bool { return b.Name == "manifest.json" })
	if i < 0 {
		var list []entry
		for _, b := range f.Ext(".jsonl") {
			if path.Dir(b.Name) == "." {
				list = append(list, entry{Name: strings.TrimSuffix(b.Name, path.Ext(b.Name))})
			}
		}
		if len(list) == 0 {
			return nil, fault.Inputf(op, "got %s; want manifest.json with train/*.jsonl, or *.jsonl files", f.Names()).Next("choose the folder of tasks")
		}
		slices.SortFunc(list, func(a, b entry) int { return strings.Compare(a.Name, b.Name) })
		return list, nil
	}
	raw, err := format.ReadText("manifest.json", f[i], maxManifest)
	if err != nil {
		return nil, err
	}
	var list []entry
	if bytes.HasPrefix(bytes.TrimSpace(raw), []byte("{")) {
		var o struct {
			Tasks []entry `json:"tasks"`
		}
		err = json.Unmarshal(raw, &o)
		list = o.Tasks
	} else {
		err = json.Unmarshal(raw, &list)
	}
	if err != nil {
		return nil, fault.Inputf("manifest.json", "malformed, want a list of tasks: %w", err)
	}
	names := map[string]bool{}
	for i, e := range list {
		switch {
		case e.Name == "" || path.Base(e.Name) != e.Name:
			return nil, fault.Inputf("manifest.json", "task %d is named %q, want a file's name without its ending", i+1, e.Name)
		case names[e.Name]:
			return nil, fault.Inputf("manifest.json", "task %q is there twice", e.Name)
		case e.Split != "" && e.Split != "train" && e.Split != "heldout":
			return nil, fault.Inputf("manifest.json", "task %q has split %q, want train or heldout", e.Name, e.Split)
		}
		names[e.Name] = true
	}
	if len(list) > maxTasks {
		return nil, fault.Inputf("manifest.json", "%d tasks, want at most %d", len(list), maxTasks)
	}
	return list, nil
}

// numbered matches a number at a name's end.
var numbered = regexp.MustCompile(`_\d+$`)

// family is what a task is drawn with: the manifest's data set; P3's data set,
// which its categories name, as its tasks are templates; else the name without a
// number at its end.
func (e entry) family() string {
	switch {
	case e.Dataset != "":
		return e.Dataset
	case strings.HasPrefix(e.Category, "p3/"):
		return e.Category
	}
	return numbered.ReplaceAllString(e.Name, "")
}

// task reads a training task's rows; without rows it is left out.
func (r *taskReader) task(f format.Folder, e entry) Task {
	t := Task{Name: e.Name, Instruction: e.Instruction, Category: e.Category, Family: e.family(), Source: e.Source, Licence: e.Licence, Ship: e.Ship == nil || *e.Ship}
	var rows []task.Example
	t.File, rows = r.rows(f, "train", e.Name)
	classes := map[string]bool{}
	for _, x := range rows {
		at := fmt.Sprintf("%s:%d", t.File, x.Line)
		if len(e.Labels) > 1 && !x.Tokenised() && !slices.Contains(e.Labels, x.Output) {
			r.fail(at, "the output %.60q is none of the manifest's %d labels", x.Output, len(e.Labels))
		}
		if p := r.held[pair(e.Instruction, x)]; p != "" {
			r.note(at, "left out: the row is held out, %s", p)
			continue
		}
		t.Rows = append(t.Rows, x)
		classes[x.Output] = true
	}
	if n := len(t.Rows); n > 1 && len(classes) == 1 && !t.Rows[0].Tokenised() {
		r.note(fmt.Sprintf("%s:%d", t.File, t.Rows[0].Line), "the task is left out: all %d rows have the output %.60q", n, t.Rows[0].Output)
		t.Rows = nil
	}
	return t
}

// heldOut notes where a held-out task's rows stand.
func (r *taskReader) heldOut(f format.Folder, e entry) {
	file, rows := r.rows(f, "heldout", e.Name)
	for _, x := range rows {
		r.held[pair(e.Instruction, x)] = fmt.Sprintf("%s:%d", file, x.Line)
	}
}

// rows parses a task's file; what is wrong with it is noted.
func (r *taskReader) rows(f format.Folder, folder, name string) (file string, rows []task.Example) {
	i := slices.IndexFunc(f, func(b format.NamedBlob) bool { return b.Name == folder+"/"+name+".jsonl" })
	if i < 0 {
		i = slices.IndexFunc(f, func(b format.NamedBlob) bool { return b.Name == name+".jsonl" })
	}
	file = folder + "/" + name + ".jsonl"
	if i < 0 {
		if folder == "train" {
			r.fail("manifest.json", "task %q has no file %s", name, file)
		}
		return file, nil
	}
	file = f[i].Name
	b, err := format.ReadAll(op, f[i], maxFile)
	if err != nil {
		r.fail(file, "%s", fault.From(op, err).Msg)
		return file, nil
	}
	line := 1
	for rest := b; len(rest) > 0; line++ {
		var l []byte
		if l, rest, _ = bytes.Cut(rest, []byte("\n")); len(l) > maxLine {
			r.fail(fmt.Sprintf("%s:%d", file, line), "a line of %d bytes, want a row of at most %d", len(l), maxLine)
			return file, nil
		}
	}
	p := task.Parse(b)
	for _, x := range p.Faults {
		r.faults = append(r.faults, fault.From(op, InFile(file, x)))
	}
	return file, p.Examples
}

// key is what the model reads of a row.
func key(instruction string, x task.Example) string {
	if x.Tokenised() {
		return fmt.Sprint(x.InputIDs)
	}
	if x.Instruction != "" {
		instruction = x.Instruction
	}
	return strings.Join(append([]string{instruction, x.Input}, x.Options...), "\x00")
}

// pair is what the model reads of a row and should answer. The prompt alone may
// stand in two tasks without an instruction that ask for different things.
func pair(instruction string, x task.Example) string {
	if x.Tokenised() {
		return fmt.Sprint(x.InputIDs)
	}
	return key(instruction, x) + "\x00\x00" + x.Output
}

// InFile puts a file before a fault about a line of it: "line 3, column 5: …"
// becomes "FILE:3:5: …".
func InFile(file string, err error) error {
	f := *fault.From(op, err)
	f.Op = op
	var line, column int
	rest, ok := strings.CutPrefix(f.Msg, "line ")
	switch {
	case !ok:
		f.Msg = file + ": " + f.Msg
	case scan(&rest, "%d, column %d: ", &line, &column):
		f.Msg = fmt.Sprintf("%s:%d:%d: %s", file, line, column, rest)
	case scan(&rest, "%d: ", &line), scan(&rest, "%d ", &line):
		f.Msg = fmt.Sprintf("%s:%d: %s", file, line, rest)
	default:
		f.Msg = file + ": " + f.Msg
	}
	return &f
}

// scan reads numbers from the front of s where it begins so.
func scan(s *string, pattern string, numbers ...any) bool {
	r := strings.NewReader(*s)
	if n, err := fmt.Fscanf(r, pattern, numbers...); err != nil || n != len(numbers) {
		return false
	}
	*s = (*s)[len(*s)-r.Len():]
	return true
}
