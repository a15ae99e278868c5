package safetensors

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"handful/core/fault"
	"handful/core/format"
	"handful/core/tensor"
)

const golden = "../../../testdata/golden/mhr"

// file puts a header and n bytes of data together.
func file(header string, n int) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(b, header...), make([]byte, n)...)
}

// stricter are the corpus cases that the Python library opens and we refuse:
// it keeps the last of equal keys, and lets unknown ones and null pass.
var stricter = map[string]bool{"duplicate tensor": true, "duplicate metadata key": true, "unknown key": true, "null metadata": true}

// TestCorpus holds every verdict against the Python library's.
func TestCorpus(t *testing.T) {
	raw, err := os.ReadFile("testdata/corpus.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Name, Header, Python string
		Data                 int
	}
	if err := json.Unmarshal(raw, &cases); err != nil || len(cases) < 50 {
		t.Fatalf("%d cases, %v", len(cases), err)
	}
	for _, c := range cases {
		_, err := Open(format.BytesBlob(file(c.Header, c.Data)))
		want := fault.Input
		if c.Name == "unknown dtype" {
			want = fault.Unsupported
		}
		switch accepted := c.Python == "" && !stricter[c.Name]; {
		case accepted && err != nil:
			t.Errorf("%s: got %v, the Python library opens it", c.Name, err)
		case !accepted && !fault.Is(err, want):
			t.Errorf("%s: got %v, want %v (Python: %q)", c.Name, err, want, c.Python)
		}
	}
}

// TestFault23Refusals are faults outside a well-formed header, and what they say.
func TestFault23Refusals(t *testing.T) {
	ok := `{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`
	length := func(n uint64, rest string) []byte {
		return append(binary.LittleEndian.AppendUint64(nil, n), rest...)
	}
	for _, c := range []struct {
		name string
		data []byte
		kind fault.Kind
		says string
	}{
		{"empty", nil, fault.Input, "an empty file"},
		{"7 bytes", []byte("\x02\x00\x00\x00\x00\x00\x00"), fault.Input, "want safetensors"},
		{"length over the file", length(1000, "{}"), fault.Input, "claims 1000 bytes"},
		{"length over the cap", length(maxHeader+1, "{}"), fault.Input, "claims 100000001 bytes"},
		{"length wraps", length(math.MaxUint64, "{}"), fault.Input, "claims 18446744073709551615 bytes"},
		{"negative length", length(1<<63, "{}"), fault.Input, "claims 9223372036854775808 bytes"},
		{"no UTF-8", file("{\"\xff\":1}", 0), fault.Input, "not UTF-8"},
		{"a page", []byte("<!doctype html><title>Not found</title>"), fault.Input, "an HTML page"},
		{"a pointer", []byte("version https://git-lfs.github.com/spec/v1\n"), fault.Input, "git lfs pull"},
		{"a pickle", []byte("\x80\x02}q\x00(X\x05\x00"), fault.Input, "got a pickle"},
		{"JSON", []byte(ok + "        "), fault.Input, "got JSON"},
		{"cut", file(ok, 4)[:61], fault.Input, "claims"},
		{"names the tensor", file(ok, 5), fault.Input, "the data has 5 bytes, the header wants 4"},
		{"names size and rule", file(strings.Replace(ok, "[1]", "[2,1]", 1), 4), fault.Input, `tensor "a": 4 bytes for F32 [2 1], want 8`},
		{"names the dtype", file(strings.Replace(ok, "F32", "F8_E9", 1), 4), fault.Unsupported, `"F8_E9"`},
		{"cuts long names", file(`{"`+strings.Repeat("n", 1000)+`":{"dtype":"F32","shape":[1],"data_offsets":[0,8]}}`, 8), fault.Input, `nnn"…`},
		{"17 axes", file(strings.Replace(ok, "[1]", "[1"+strings.Repeat(",1", 16)+"]", 1), 4), fault.Input, "at most 16 axes"},
	} {
		_, err := Open(format.BytesBlob(c.data))
		if !fault.Is(err, c.kind) || !strings.Contains(err.Error(), c.says) || len(err.Error()) > 500 {
			t.Errorf("%s: got %v, want %v saying %q", c.name, err, c.kind, c.says)
		}
	}
}

func TestFault24UnreadableTypes(t *testing.T) {
	f, err := Open(format.BytesBlob(file(`{"f8":{"dtype":"F8_E4M3","shape":[4],"data_offsets":[0,4]},"i":{"dtype":"I32","shape":[1],"data_offsets":[4,8]},"d":{"dtype":"F64","shape":[1],"data_offsets":[8,16]}}`, 16)))
	if err != nil {
		t.Fatal(err)
	}
	for name, says := range map[string]string{"f8": "F8_E4M3", "d": "F64"} {
		if _, err := f.Tensor(name); !fault.Is(err, fault.Unsupported) || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: got %v, want Unsupported naming %s", name, err, says)
		}
		if _, err := f.Ints(name); !fault.Is(err, fault.Input) {
			t.Errorf("%s: got %v from Ints", name, err)
		}
	}
	if _, err := f.F32("i"); !fault.Is(err, fault.Input) {
		t.Errorf("I32 as floats: got %v", err)
	}
	if _, err := f.Tensor("absent"); !fault.Is(err, fault.Input) || f.Has("absent") || f.Size("absent") != 0 {
		t.Errorf("absent: got %v", err)
	}
}

// TestWriteEqualsPython writes golden files anew: the same bytes come out.
func TestWriteEqualsPython(t *testing.T) {
	files, err := filepath.Glob(golden + "/llama_gqa/s4/*/*.safetensors")
	if err != nil || len(files) < 8 {
		t.Fatalf("%d golden files, %v", len(files), err)
	}
	for _, name := range append(files, golden+"/llama_gqa/model.safetensors", "testdata/mixed.safetensors") {
		want, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		f, err := Open(format.BytesBlob(want))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		ts := map[string]tensor.Source{}
		for _, n := range f.Names() {
			if ts[n], err = f.Tensor(n); err != nil {
				t.Fatal(err)
			}
		}
		var got bytes.Buffer
		if err := Write(&got, ts, f.Metadata); err != nil || !bytes.Equal(got.Bytes(), want) {
			t.Errorf("%s: got other bytes (%v)", name, err)
		}
	}
}

func TestEncode(t *testing.T) {
	b, err := Encode([]Tensor{{"b", []int{2, 1}, []float32{1, 2}}, {"a", nil, []float32{3}}}, map[string]string{"k": "v"})
	if err != nil {
		t.Fatal(err)
	}
	f, err := Open(format.BytesBlob(b))
	if err != nil || f.data%8 != 0 || !reflect.DeepEqual(f.Metadata, map[string]string{"format": "pt", "k": "v"}) {
		t.Fatalf("got %v, data at %d, metadata %v", err, f.data, f.Metadata)
	}
	got, err := f.F32("b")
	if shape, dtype := f.Shape("b"); err != nil || !reflect.DeepEqual(got, []float32{1, 2}) || !reflect.DeepEqual(shape, []int{2, 1}) || dtype != "F32" {
		t.Errorf("got %v %v %s %v", got, shape, dtype, err)
	}
	for _, ts := range [][]Tensor{{{"a", []int{2}, []float32{1}}}, {{"__metadata__", []int{1}, []float32{1}}}, {{"a", []int{1}, []float32{1}}, {"a", []int{1}, []float32{2}}}} {
		if _, err := Encode(ts, nil); !fault.Is(err, fault.Bug) {
			t.Errorf("%v: got %v, want a Bug", ts, err)
		}
	}
	q := tensor.MemSource(tensor.Q8_0, []int{1, 32}, make([]byte, 34), "")
	if err := Write(&bytes.Buffer{}, map[string]tensor.Source{"q": q}, nil); !fault.Is(err, fault.Unsupported) {
		t.Errorf("Q8_0: got %v", err)
	}
}

func TestInts(t *testing.T) {
	b, err := os.ReadFile(golden + "/llama_gqa/batches.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	f, err := Open(format.BytesBlob(b))
	if err != nil {
		t.Fatal(err)
	}
	labels, err := f.Ints("labels")
	if err != nil || len(labels) != 560 {
		t.Fatalf("%d labels, %v", len(labels), err)
	}
	ignored := 0
	for _, l := range labels {
		if l == -100 {
			ignored++
		} else if l < 0 || l >= 96 {
			t.Fatalf("label %d", l)
		}
	}
	if ignored == 0 {
		t.Error("no ignored label: negative numbers are read wrong")
	}
}

// TestFault23HostileHeadersAreCheap refuses large headers in time and memory in
// proportion: what is allocated stays below twice the header.
func TestFault23HostileHeadersAreCheap(t *testing.T) {
	many := func(n int, entry func(i int) string) string {
		var b strings.Builder
		b.WriteByte('{')
		for i := range n {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(entry(i))
		}
		b.WriteByte('}')
		return b.String()
	}
	plain := func(i int) string {
		return fmt.Sprintf(`"model.layers.%d.weight":{"dtype":"F32","shape":[0,0],"data_offsets":[0,0]}`, i)
	}
	const size = 1 << 20
	for name, header := range map[string]string{
		"deep":                  strings.Repeat("[", size),
		"deep value":            `{"a":` + strings.Repeat("{", size),
		"open":                  `{"` + strings.Repeat("a", size),
		"escapes":               `{"` + strings.Repeat(`\u0061`, size/6),
		"spaces":                "{" + strings.Repeat(" ", size),
		"digits":                `{"a":{"shape":[` + strings.Repeat("9", size),
		"long shape":            `{"a":{"shape":[1` + strings.Repeat(",1", size/2),
		"many then broken":      many(size/80, plain) + "x",
		"many, one twice":       many(size/80, func(i int) string { return plain(i % (size/80 - 1)) }),
		"many, data left over":  many(size/80, plain),
		"much metadata, broken": `{"__metadata__":` + many(size/8, func(i int) string { return fmt.Sprintf(`"%d":""`, i) }) + "x",
	} {
		b := append(file(header, 0), 0)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := Open(format.BytesBlob(b))
		runtime.ReadMemStats(&after)
		if !fault.Is(err, fault.Input) {
			t.Errorf("%s: got %v", name, err)
		}
		if used := after.TotalAlloc - before.TotalAlloc; used > uint64(2*len(header)) {
			t.Errorf("%s: %d bytes allocated for a header of %d", name, used, len(header))
		}
		limit, took := 50*time.Millisecond, time.Hour
		if runtime.GOOS == "js" {
			limit *= 10
		}
		for try := 0; took > limit && try < 8; try++ { // the best of a few: other work may get in the way
			start := time.Now()
			Open(format.BytesBlob(b))
			took = min(took, time.Since(start))
		}
		if took > limit {
			t.Errorf("%s: took %v", name, took)
		}
	}
}

// FuzzOpen: nothing panics, and what is accepted comes out the same when it is
// written and read again.
func FuzzOpen(f *testing.F) {
	for _, name := range []string{"testdata/mixed.safetensors", golden + "/llama_gqa/s4/tfew_align.safetensors"} {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add(file(`{"__metadata__":{"a":"\u00e9"},"x":{"dtype":"F4","shape":[4],"data_offsets":[0,2]},"y":{"shape":[],"data_offsets":[2,10],"dtype":"I64"}}`, 10))
	f.Add(file(`{"a":{"dtype":"F32","shape":[1,0],"data_offsets":[0,0]}}`, 0))
	f.Fuzz(func(t *testing.T, b []byte) {
		x, err := Open(format.BytesBlob(b))
		if err != nil {
			if !fault.Is(err, fault.Input) && !fault.Is(err, fault.Unsupported) {
				t.Fatalf("got %v, want Input or Unsupported", err)
			}
			return
		}
		var items []item
		for _, e := range x.entries {
			items = append(items, item{e.name, int(e.dtype), x.shape(e), e.end - e.begin, bytes.NewReader(b[x.data+e.begin : x.data+e.end])})
		}
		var out bytes.Buffer
		if err := write(&out, items, x.Metadata); err != nil {
			t.Fatal(err)
		}
		y, err := Open(format.BytesBlob(out.Bytes()))
		if err != nil {
			t.Fatalf("written anew: %v", err)
		}
		if !reflect.DeepEqual(x.Metadata, y.Metadata) || !reflect.DeepEqual(x.Names(), y.Names()) {
			t.Fatal("other names or metadata")
		}
		for i, e := range x.entries {
			g := y.entries[i]
			if e.dtype != g.dtype || !reflect.DeepEqual(x.shape(e), y.shape(g)) || !bytes.Equal(b[x.data+e.begin:x.data+e.end], out.Bytes()[y.data+g.begin:y.data+g.end]) {
				t.Fatalf("%q came out another", e.name)
			}
		}
	})
}
