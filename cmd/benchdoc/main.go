// Benchdoc measures handful and its peers in one run and writes the tables of
// docs/performance.md between its markers:
//
//	go run ./cmd/benchdoc docs/performance.md
//	go run ./cmd/benchdoc -weight docs/performance.md
//	go run ./cmd/benchdoc -browser dist/bench/browser.json docs/performance.md
//
// Each form has markers of its own. The second weighs the page; the third
// measures nothing: it lays out what bench/run.mjs has measured in a browser.
//
// It wants dist/handful and the base model; Hugging Face PEFT is measured where
// .cache/venv holds it, the gpu where an adapter opens. What is missing is said
// in the page.
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"handful/core/device/gpu/lavapipe"
)

const (
	program   = "dist/handful"
	model     = ".cache/base/SmolLM2-135M-Instruct.Q4_1.gguf"
	inventory = "assets/inventory/smollm2-135m-mhr"
	python    = ".cache/venv/bin/python"
)

// markers are the lines that tables stand between.
type markers struct{ begin, end string }

var marks = map[string]markers{
	"":        {"<!-- measured: begin -->\n", "<!-- measured: end -->"},
	"weight":  {"<!-- weight: begin -->\n", "<!-- weight: end -->"},
	"browser": {"<!-- browser: begin -->\n", "<!-- browser: end -->"},
}

// row is one measurement, as `handful bench --json` and bench/peft_step.py
// print it.
type row struct {
	What       string  `json:"what"`
	Name       string  `json:"name"`
	MS         float64 `json:"ms"`
	CPU        float64 `json:"cpuMs"`
	GFLOPS     float64 `json:"gflops"`
	Dispatches int     `json:"dispatches"`
	Arena      int64   `json:"arena"`
	Peak       int64   `json:"peakBytes"`
}

type report struct {
	Device struct{ Kind, Name, Family string } `json:"device"`
	Rows   []row                               `json:"rows"`
}

// size is what every step is measured with.
var size = []string{"--rows", "4", "--tokens", "32", "--steps", "3"}

func main() {
	log.SetFlags(0)
	log.SetPrefix("benchdoc: ")
	browser := flag.String("browser", "", "results of bench/run.mjs to lay out, instead of measuring")
	weigh := flag.Bool("weight", false, "weigh the page, instead of measuring")
	flag.Parse()
	if flag.NArg() != 1 {
		log.Fatal("usage: benchdoc [-weight | -browser RESULTS] FILE")
	}
	var out bytes.Buffer
	where := marks[""]
	switch {
	case *weigh:
		if err := weight(&out); err != nil {
			log.Fatal(err)
		}
		where = marks["weight"]
	case *browser != "":
		r, err := readBrowserReport(*browser)
		if err != nil {
			log.Fatal(err)
		}
		r.tables(&out)
		where = marks["browser"]
	default:
		tables(&out)
	}
	if err := rewrite(flag.Arg(0), where, out.Bytes()); err != nil {
		log.Fatal(err)
	}
}

// rewrite puts text between the markers of a file.
func rewrite(file string, m markers, text []byte) error {
	page, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	head, rest, ok := bytes.Cut(page, []byte(m.begin))
	_, tail, ok2 := bytes.Cut(rest, []byte(m.end))
	if !ok || !ok2 {
		return fmt.Errorf("%s lacks the markers %q and %q", file, m.begin, m.end)
	}
	return os.WriteFile(file, bytes.Join([][]byte{head, []byte(m.begin), text, []byte(m.end), tail}, nil), 0o644)
}

// tables measures and prints everything.
func tables(w *bytes.Buffer) {
	fmt.Fprintf(w, "%s, %d processors, %s/%s, %s; load before: %s.\n", time.Now().Format("2006-01-02"), runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version(), load())
	var steps []line
	for _, device := range []string{"cpu", "gpu"} {
		kernels, err := bench(device, "kernels")
		if err != nil {
			fmt.Fprintf(w, "\n**%s**: not measured: %v\n", device, err)
			continue
		}
		fmt.Fprintf(w, "\n**%s**: %s, %s kernels\n\n| product | ms | GFLOP/s |\n|---|---|---|\n", device, kernels.Device.Name, kernels.Device.Family)
		for _, r := range kernels.Rows {
			fmt.Fprintf(w, "| %s | %.1f | %.1f |\n", r.Name, r.MS, r.GFLOPS)
		}
		for _, method := range []string{"z", "mu"} {
			r, err := bench(device, "step", append(size, "--method", method, "--base", model, "--inventory", inventory)...)
			if err != nil {
				fmt.Fprintf(w, "\n%s on %s: not measured: %v\n", method, device, err)
				continue
			}
			steps = append(steps, line{"handful, " + device + " (" + r.Device.Name + ")", method, r.Rows[0]})
		}
	}
	for _, method := range []string{"z", "mu"} {
		r, err := peft(method)
		if err != nil {
			fmt.Fprintf(w, "\nHF PEFT: not measured: %v\n", err)
			break
		}
		steps = append(steps, line{"HF PEFT (torch, f32)", method, *r})
	}
	stepTable(w, steps)
	fmt.Fprintf(w, "\nLoad after: %s.\n", load())
}

// line is one measured step.
type line struct {
	who, method string
	row
}

// stepTable prints steps with ratios to PEFT's of the same method, where there
// is one.
func stepTable(w *bytes.Buffer, steps []line) {
	if len(steps) == 0 {
		return
	}
	_, name, _ := strings.Cut(steps[0].Name, ", ")
	fmt.Fprintf(w, "\n**A training step** of SmolLM2-135M, %s\n\n", name)
	fmt.Fprintf(w, "| method | program | wall ms | × PEFT | processor ms | × PEFT | peak memory MB | × PEFT | dispatches |\n|---|---|---|---|---|---|---|---|---|\n")
	for _, method := range []string{"z", "mu"} {
		var peer *row
		for i := range steps {
			if steps[i].method == method && strings.HasPrefix(steps[i].who, "HF PEFT") {
				peer = &steps[i].row
			}
		}
		for _, s := range steps {
			if s.method != method {
				continue
			}
			r := [3]string{"", "", ""}
			if peer != nil {
				r = [3]string{ratio(s.MS, peer.MS), ratio(s.CPU, peer.CPU), ratio(float64(s.Peak), float64(peer.Peak))}
			}
			fmt.Fprintf(w, "| %s | %s | %.0f | %s | %.0f | %s | %.0f | %s | %d |\n", method, s.who, s.MS, r[0], s.CPU, r[1], float64(s.Peak)/1e6, r[2], s.Dispatches)
		}
	}
}

func ratio(a, b float64) string { return fmt.Sprintf("%.2f", a/b) }

// bench runs `handful bench`.
func bench(device, what string, args ...string) (*report, error) {
	out, err := run(program, append([]string{"bench", what, "--json", "--device", device}, args...)...)
	if err != nil {
		return nil, err
	}
	var r report
	if err := json.Unmarshal(out, &r); err != nil {
		return nil, err
	}
	return &r, nil
}

// peft runs bench/peft_step.py.
func peft(method string) (*row, error) {
	if _, err := os.Stat(python); err != nil {
		return nil, fmt.Errorf("%s is missing; scripts/setup.sh all installs it", python)
	}
	out, err := run(python, append([]string{"bench/peft_step.py", "--method", method}, size...)...)
	if err != nil {
		return nil, err
	}
	var r row
	if err := json.Unmarshal(out, &r); err != nil {
		return nil, err
	}
	return &r, nil
}

// run gives a program's stdout; its last line on stderr is the error.
func run(name string, args ...string) ([]byte, error) {
	fmt.Fprintln(os.Stderr, name, strings.Join(args, " "))
	cmd := exec.Command(name, args...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	cmd.Env = append(os.Environ(), lavapipe.Env()...)
	out, err := cmd.Output()
	if err != nil {
		said := strings.Split(strings.TrimSpace(errs.String()), "\n")
		return nil, fmt.Errorf("%w: %s", err, said[len(said)-1])
	}
	return out, nil
}

// load is how busy the machine is with everything.
func load() string {
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.Fields(string(b))[0]
}
