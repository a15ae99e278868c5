package rpc

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"handful/core/fault"
)

func read(s string) (string, [][]byte, error) {
	return ReadMessage(bufio.NewReader(strings.NewReader(s)))
}

func TestStreamRoundTrip(t *testing.T) {
	var b bytes.Buffer
	blobs := [][]byte{{0, '\n', 255}, {}, bytes.Repeat([]byte("x"), 5000)}
	for _, m := range []string{`{"id":1}`, "", "Grüße\n"} {
		if err := WriteMessage(&b, m, blobs); err != nil {
			t.Fatal(err)
		}
	}
	r := bufio.NewReaderSize(&b, 16)
	for _, want := range []string{`{"id":1}`, "", "Grüße\n"} {
		msg, got, err := ReadMessage(r)
		if err != nil || msg != want || len(got) != 3 || !bytes.Equal(got[0], blobs[0]) || len(got[1]) != 0 || !bytes.Equal(got[2], blobs[2]) {
			t.Fatalf("got %q, %d blobs, %v; want %q", msg, len(got), err, want)
		}
	}
	if _, _, err := ReadMessage(r); !errors.Is(err, io.EOF) {
		t.Errorf("at the end: got %v", err)
	}
}

func TestStreamRefuses(t *testing.T) {
	for _, bad := range []string{"\n", "x\n", "-1\n", "5\nabc", "3 99999999999999\nabc", "1 1073741824\nabc", "12", strings.Repeat("1 ", maxSizes) + "\n"} {
		if _, _, err := read(bad); !fault.Is(err, fault.Input) {
			t.Errorf("%.20q: got %v, want a fault of the input", bad, err)
		}
	}
}

func FuzzStream(f *testing.F) {
	f.Add("8 3\n{\"id\":1}abc")
	f.Add("99999 \n")
	f.Fuzz(func(t *testing.T, s string) {
		msg, blobs, err := read(s)
		if err != nil {
			return
		}
		var b bytes.Buffer
		if err := WriteMessage(&b, msg, blobs); err != nil {
			t.Fatal(err)
		}
		again, more, err := ReadMessage(bufio.NewReader(&b))
		if err != nil || again != msg || len(more) != len(blobs) {
			t.Fatalf("got %q, %d blobs, %v; want %q, %d", again, len(more), err, msg, len(blobs))
		}
	})
}
