package torch

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"handful/core/fault"
	"handful/core/format"
)

func blob(t testing.TB, name string) format.Blob {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return format.BytesBlob(b)
}

// TestPython reads what PyTorch wrote: plain values and tensors of every kind.
func TestPython(t *testing.T) {
	raw, err := os.ReadFile("testdata/want.json")
	if err != nil {
		t.Fatal(err)
	}
	var want map[string]struct {
		Shape  []int
		Values []float64
	}
	if err := json.Unmarshal(raw, &want); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"value.pt", "value.old", "protocol4.pt", "protocol4.old"} {
		b := blob(t, name)
		v, err := Open(b)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		d := v.(*Dict)
		for key, want := range map[string]any{"floats": Tuple{0.5, -1e300}, "text": "é\n\"'", "none": nil, "yes": true, "no": false, "bytes": []byte{0, 255, 128}, "size": Tuple{int64(3), int64(4)},
			"numbers": &List{[]any{int64(0), int64(1), int64(-1), int64(255), int64(256), int64(65535), int64(65536), int64(-1 << 31), int64(1<<31 - 1), int64(1 << 40), int64(-1 << 63), int64(1<<63 - 1)}}} {
			if got := d.Get(key); !reflect.DeepEqual(got, want) {
				t.Errorf("%s, %s: got %#v, want %#v", name, key, got, want)
			}
		}
		nested := d.Dict("nested")
		if nested != d.Dict("again") || len(nested.Keys) != 2 || nested.Values[1] != any("three") {
			t.Errorf("%s: nested is %#v", name, nested)
		}
		if n, ok := d.Dict("default").Number("a"); !ok || n != 1 {
			t.Errorf("%s: defaultdict has %v", name, n)
		}
		if _, ok := d.Get("huge").(Opaque); !ok {
			t.Errorf("%s: 2^80 is %v", name, d.Get("huge"))
		}
		for key, w := range want {
			from, at := d, key
			if rest, ok := strings.CutPrefix(key, "state."); ok {
				from, at = d.Dict("state"), rest
			}
			x, ok := from.Get(at).(*Tensor)
			if !ok || !reflect.DeepEqual(x.Shape, w.Shape) {
				t.Errorf("%s, %s: got %v, want shape %v", name, key, from.Get(at), w.Shape)
				continue
			}
			got, err := x.F32(b)
			if key == "i64" || key == "bool" {
				if !fault.Is(err, fault.Unsupported) {
					t.Errorf("%s, %s: got %v, want Unsupported", name, key, err)
				}
				continue
			}
			if err != nil || len(got) != len(w.Values) {
				t.Errorf("%s, %s: %d values, %v", name, key, len(got), err)
				continue
			}
			for i, v := range w.Values {
				if got[i] != float32(v) {
					t.Errorf("%s, %s[%d]: got %v, want %v", name, key, i, got[i], v)
				}
			}
		}
	}
}

// zipped is a zip as torch.save writes it, around a pickle.
func zipped(pickle string, files ...string) []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i, f := range append([]string{"data.pkl", pickle}, files...) {
		if i%2 == 1 {
			continue
		}
		w, _ := z.CreateHeader(&zip.FileHeader{Name: "archive/" + f, Method: zip.Store})
		w.Write([]byte(append([]string{"data.pkl", pickle}, files...)[i+1]))
	}
	z.Close()
	return b.Bytes()
}

// reference is a pickle of a storage of 4 floats, up to the stack's top.
const reference = "\x80\x02ctorch._utils\n_rebuild_tensor_v2\n((X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x04tQ"

// TestFault27Refusals: nothing runs, and what a file claims is held against it.
func TestFault27Refusals(t *testing.T) {
	for _, name := range []string{"runs.pt", "runs.old"} {
		if _, err := Open(blob(t, name)); !fault.Is(err, fault.Unsupported) || !strings.Contains(err.Error(), `"builtins.print"`) {
			t.Errorf("%s: got %v, want a refusal by name", name, err)
		}
	}
	sixteen := strings.Repeat("\x00", 16)
	for i, c := range []struct {
		pickle string
		kind   fault.Kind
		says   string
	}{
		{"\x80\x02cos\nsystem\nX\x02\x00\x00\x00ls\x85R.", fault.Unsupported, `"os.system"`},
		{"\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c\x02ls\x85R.", fault.Unsupported, `"posix.system"`},
		{"\x80\x02c__builtin__\neval\n.", fault.Unsupported, `"builtins.eval"`},
		{"\x80\x02cbuiltins\ngetattr\n.", fault.Unsupported, `"builtins.getattr"`},
		{"\x80\x02ctorch\nload\n.", fault.Unsupported, `"torch.load"`},
		{"\x80\x02ctorch._utils\n_rebuild_tensor_v2.x\n.", fault.Unsupported, "_rebuild_tensor_v2.x"},
		{"\x80\x02cbuiltins\nlist\n)R.", fault.Unsupported, `calls "builtins.list"`},
		{"\x80\x02(ios\nsystem\n.", fault.Unsupported, "step 0x69"},
		{"\x80\x02(cos\nsystem\no.", fault.Unsupported, `"os.`},
		{"\x80\x02\x82\x01.", fault.Unsupported, "step 0x82"},
		{"\x80\x06N.", fault.Unsupported, "protocol 6"},
		{"\x80\x02N", fault.Input, "the file ends"},
		{"\x80\x02.", fault.Input, "stack is empty"},
		{"\x80\x02(.", fault.Input, "a mark"},
		{"\x80\x02h\x00.", fault.Input, "no value 0"},
		{"\x80\x02t.", fault.Input, "no mark"},
		{"\x80\x02K\x01K\x02a.", fault.Input, "a list is built on int64"},
		{"\x80\x02]K\x01K\x02s.", fault.Input, "a dict is built on"},
		{"\x80\x02](K\x01u.", fault.Input, "a dict is built on"},
		{"\x80\x02K\x01K\x02R.", fault.Input, "a call of int64"},
		{"\x80\x02K\x01}b.", fault.Input, "attributes are set on int64"},
		{"\x80\x02X\xff\xff\xff\x7fab.", fault.Input, "a value of 2147483647 bytes"},
		{"\x80\x02\x8e\xff\xff\xff\xff\xff\xff\xff\xffab.", fault.Input, "a value of 18446744073709551615 bytes"},
		{"\x80\x02X\x00\x00\x00\x01ab.", fault.Input, "the file ends"},
		{"\x80\x02K\x01Q.", fault.Input, "a reference to int64"},
		{"\x80\x02Pabc\n.", fault.Input, "a reference to string"},
		{strings.Replace(reference, "K\x04", "K\x05", 1) + ".", fault.Input, "has 16 bytes, want 20"},
		{strings.Replace(reference, "K\x04", "J\xff\xff\xff\xff", 1) + ".", fault.Input, "malformed reference"},
		{strings.Replace(reference, "X\x01\x00\x00\x000", "X\x01\x00\x00\x001", 1) + ".", fault.Input, "no data of storage"},
		{strings.Replace(reference, "FloatStorage", "OddStorage", 1) + ".", fault.Unsupported, `"torch.OddStorage"`},
		{reference + "K\x00K\x05\x85K\x01\x85\x89NtR.", fault.Input, "a tensor of shape"},
		{reference + "K\x01K\x04\x85K\x01\x85\x89NtR.", fault.Input, "in a storage of 4"},
		{reference + "K\x00K\x04\x85K\x02\x85\x89NtR.", fault.Input, "in a storage of 4"},
		{reference + "K\x00K\x02\x85J\xff\xff\xff\xff\x85\x89NtR.", fault.Input, "strides"},
		{reference + "K\x00J\xff\xff\xff\xff\x85K\x01\x85\x89NtR.", fault.Input, "a tensor of shape"},
		{reference + "K\x00J\xff\xff\xff\x7fJ\xff\xff\xff\x7f\x86K\x00K\x00\x86\x89NtR.", fault.Input, "a tensor of shape"},
		{reference + "K\x00K\x01\x85)\x89NtR.", fault.Input, "with 0 strides"},
		{reference + "tR.", fault.Input, "cannot be put together"},
		{"\x80\x02" + strings.Repeat("N", maxOps) + ".", fault.Input, "more than 1048576 steps"},
	} {
		v, err := Open(format.BytesBlob(zipped(c.pickle, "data/0", sixteen)))
		if !fault.Is(err, c.kind) || !strings.Contains(fmt.Sprint(err), c.says) {
			t.Errorf("%d, %.60q: got %v, %v, want %v saying %q", i, c.pickle, v, err, c.kind, c.says)
		}
	}
	if v, err := Open(format.BytesBlob(zipped(reference+"K\x00K\x02K\x02\x86K\x02K\x01\x86\x89NtR.", "data/0", sixteen))); err != nil || v.(*Tensor).Bytes() != 16 {
		t.Errorf("the sound one: got %v, %v", v, err)
	}
	if _, err := Open(format.BytesBlob(zipped("\x80\x02N.", "byteorder", "big"))); !fault.Is(err, fault.Unsupported) {
		t.Errorf("big-endian: got %v", err)
	}
	if _, err := Open(format.BytesBlob([]byte("\x80\x04N."))); !fault.Is(err, fault.Unsupported) || !strings.Contains(err.Error(), "torch.save did not write") {
		t.Errorf("a bare pickle: got %v", err)
	}
	if _, err := Open(format.BytesBlob([]byte("text"))); !fault.Is(err, fault.Input) {
		t.Errorf("text: got %v", err)
	}
}

// TestCut cuts the files at every byte: a fault, never a panic.
func TestCut(t *testing.T) {
	for _, name := range []string{"value.old", "value.pt"} {
		b, err := os.ReadFile("testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		for n := range b {
			if _, err := Open(format.BytesBlob(b[:n])); err == nil {
				t.Fatalf("%s cut at %d opens", name, n)
			} else if !fault.Is(err, fault.Input) && !fault.Is(err, fault.Unsupported) {
				t.Fatalf("%s cut at %d: %v", name, n, err)
			}
		}
	}
}

// TestSelfReference: a list that holds itself is a value like any other.
func TestSelfReference(t *testing.T) {
	v, err := Open(format.BytesBlob(zipped("\x80\x02]q\x00h\x00a.")))
	if l, ok := v.(*List); err != nil || !ok || len(l.Items) != 1 || l.Items[0] != any(l) {
		t.Errorf("got %v", err)
	}
}
