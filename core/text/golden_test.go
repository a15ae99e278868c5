package text

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// gunzip reads a file of testdata.
func gunzip(t testing.TB, name string) []byte {
	t.Helper()
	f, err := os.Open("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// jsonl reads a file of testdata line by line.
func jsonl[T any](t testing.TB, name string) (rows []T) {
	t.Helper()
	s := bufio.NewScanner(bytes.NewReader(gunzip(t, name)))
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		var r T
		if err := json.Unmarshal(s.Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		rows = append(rows, r)
	}
	return rows
}

// smollm2 gives the vocabulary of SmolLM2 as a GGUF file has it.
func smollm2(t testing.TB) GGUFVocab {
	var f struct {
		Pre            string
		BOS, EOS       int32
		Types          []int32
		Tokens, Merges []string
	}
	if err := json.Unmarshal(gunzip(t, "smollm2.json.gz"), &f); err != nil {
		t.Fatal(err)
	}
	for _, m := range f.Merges {
		f.Tokens = append(f.Tokens, strings.Replace(m, " ", "", 1))
		f.Types = append(f.Types, 1)
	}
	return GGUFVocab{Model: "gpt2", Pre: f.Pre, Tokens: f.Tokens, TokenTypes: f.Types, Merges: f.Merges, BOS: f.BOS, EOS: f.EOS}
}

// asJSON writes a GGUF vocabulary as the tokenizer.json that HF would have.
func asJSON(t testing.TB, g GGUFVocab) []byte {
	vocab, added := map[string]int{}, []map[string]any{}
	for i, k := range g.Tokens {
		vocab[k] = i
		if g.TokenTypes[i] == ggufControl {
			added = append(added, map[string]any{"id": i, "content": k, "special": true, "normalized": false})
		}
	}
	b, err := json.Marshal(map[string]any{
		"added_tokens": added,
		"pre_tokenizer": map[string]any{"type": "Sequence", "pretokenizers": []any{
			map[string]any{"type": "Digits", "individual_digits": true},
			map[string]any{"type": "ByteLevel", "add_prefix_space": false, "use_regex": true}}},
		"decoder": map[string]any{"type": "ByteLevel"},
		"model":   map[string]any{"type": "BPE", "vocab": vocab, "merges": g.Merges},
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func fromFile(t testing.TB, name string) Tokenizer {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name + ".tokenizer.json")
	if err != nil {
		t.Fatal(err)
	}
	return fromJSON(t, b)
}

func fromJSON(t testing.TB, b []byte) Tokenizer {
	t.Helper()
	tok, err := FromJSON(b)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

func must(t testing.TB) func(Tokenizer, error) *BPE {
	return func(b Tokenizer, err error) *BPE {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return b.(*BPE)
	}
}

type goldenRow struct {
	N     int
	IDs   []int32
	Plain *[]int32
	All   *string
	Text  *string
}

func TestGolden(t *testing.T) {
	strs := jsonl[string](t, "strings.jsonl.gz")
	if len(strs) < 2000 {
		t.Fatalf("%d strings", len(strs))
	}
	g := smollm2(t)
	for _, c := range []struct {
		name, golden string
		tok          Tokenizer
		strings      int
	}{
		{"smollm2 gguf", "smollm2", must(t)(FromGGUF(g)), 2000},
		{"smollm2 json", "smollm2", fromJSON(t, asJSON(t, g)), 2000},
		{"gpt2", "gpt2", fromFile(t, "gpt2"), 2000},
		{"qwen2", "qwen2", fromFile(t, "qwen2"), 2000},
		{"llama3", "llama3", fromFile(t, "llama3"), 800},
		{"odd", "odd", fromFile(t, "odd"), 700},
		{"fallback", "fallback", fromFile(t, "fallback"), 800},
	} {
		t.Run(c.name, func(t *testing.T) {
			rows, encoded, bad := jsonl[goldenRow](t, c.golden+".jsonl.gz"), 0, 0
			fail := func(format string, args ...any) {
				if bad++; bad <= 5 {
					t.Errorf(format, args...)
				}
			}
			for _, r := range rows {
				all := ""
				if r.N >= 0 {
					encoded++
					all = strs[r.N]
					if got := c.tok.Encode(all); !slices.Equal(got, r.IDs) {
						fail("Encode(%q)\n got %v\nwant %v", all, got, r.IDs)
					}
					plain := r.IDs
					if r.Plain != nil {
						plain = *r.Plain
					}
					if got := c.tok.EncodePlain(all); !slices.Equal(got, plain) {
						fail("EncodePlain(%q)\n got %v\nwant %v", all, got, plain)
					}
				}
				if r.All != nil {
					all = *r.All
				}
				text := all
				if r.Text != nil {
					text = *r.Text
				}
				for _, d := range []struct {
					want  string
					got   string
					plain bool
				}{{all, c.tok.Decode(r.IDs), false}, {text, c.tok.DecodePlain(r.IDs), true}} {
					if d.got != d.want {
						fail("Decode(%v), plain %v\n got %q\nwant %q", r.IDs, d.plain, d.got, d.want)
					}
					if got := streamed(t, c.tok, r.IDs, d.plain); got != d.want {
						fail("streamed %v, plain %v\n got %q\nwant %q", r.IDs, d.plain, got, d.want)
					}
				}
			}
			if bad > 0 || encoded < c.strings {
				t.Fatalf("%d of %d rows differ; %d strings, want at least %d", bad, len(rows), encoded, c.strings)
			}
		})
	}
}

// streamed decodes one id at a time; every part must be whole characters.
func streamed(t testing.TB, tok Tokenizer, ids []int32, plain bool) string {
	var b strings.Builder
	s := NewStream(tok, plain)
	for _, id := range ids {
		p := s.Push(id)
		if !utf8.ValidString(p) {
			t.Errorf("Push(%d) gave %q", id, p)
		}
		b.WriteString(p)
	}
	b.WriteString(s.Flush())
	return b.String()
}

// Every code point is of the class that HF sees.
func TestClasses(t *testing.T) {
	var want map[string][][2]rune
	if err := json.Unmarshal(gunzip(t, "classes.json.gz"), &want); err != nil {
		t.Fatal(err)
	}
	for name, is := range map[string]func(rune) bool{
		"letter": func(r rune) bool { return classOf(r) == letter },
		"number": func(r rune) bool { return classOf(r) == number },
		"space":  func(r rune) bool { return classOf(r) == space },
		"digit":  isDigit,
	} {
		var got [][2]rune
		for r := rune(0); r <= utf8.MaxRune; r++ {
			if !utf8.ValidRune(r) || !is(r) {
				continue
			}
			if n := len(got); n > 0 && got[n-1][1] == r-1 {
				got[n-1][1] = r
			} else {
				got = append(got, [2]rune{r, r})
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(want[name]) {
			t.Errorf("%s: %d ranges, want %d", name, len(got), len(want[name]))
		}
	}
}
