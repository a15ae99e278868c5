package text

import (
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"handful/core/fault"
)

// everyByte is a vocabulary with a token for each byte and a few merges.
func everyByte(pre string) GGUFVocab {
	g := GGUFVocab{Model: "gpt2", Pre: pre, BOS: -1, EOS: -1}
	for _, r := range byteRune {
		g.Tokens = append(g.Tokens, string(r))
	}
	for _, m := range []string{"t h", "th e", "Ġ the", "a a", "aa aa", "Ã ©", "Ġ Ġ", "1 2", "ð Ł"} {
		g.Merges = append(g.Merges, m)
		g.Tokens = append(g.Tokens, strings.Replace(m, " ", "", 1))
	}
	return g
}

func TestOneWordOfAMillionLetters(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	mixed := make([]byte, 1<<20)
	for i := range mixed {
		mixed[i] = "the an"[r.IntN(6)]
		if mixed[i] == ' ' {
			mixed[i] = 'a'
		}
	}
	tok := must(t)(FromGGUF(smollm2(t)))
	for name, s := range map[string]string{"one letter": strings.Repeat("a", 1<<20), "letters": string(mixed), "spaces": strings.Repeat(" ", 1<<20) + "x"} {
		start := time.Now()
		ids := tok.Encode(s)
		// A third of a second on an idle machine; hours if it were quadratic.
		d := time.Since(start)
		if t.Logf("%s: %v", name, d); d > time.Minute {
			t.Errorf("%s: %v, want less than a minute even on a busy machine", name, d)
		}
		if tok.Decode(ids) != s {
			t.Errorf("%s: decoding gives another text", name)
		}
	}
}

// The lowest rank goes first, and of its places the first.
func TestMergeOrder(t *testing.T) {
	for _, c := range []struct{ word, merges, want string }{
		{"aaa", "a a", "aa a"},
		{"aaaa", "a a,aa aa", "aaaa"},
		{"abc", "b c,a b", "a bc"},
		{"abc", "a b,b c", "ab c"},
		{"abc", "a b,ab c,b c,a bc", "abc"},
		{"abcd", "b c,a b,c d,ab cd", "a bc d"},
		{"xay", "a y,x a,xa y", "x ay"},
		{"abcabc", "b c,a bc,abc abc", "abcabc"},
	} {
		g := GGUFVocab{Model: "gpt2", Pre: "gpt-2", Merges: strings.Split(c.merges, ","), BOS: -1, EOS: -1}
		for _, m := range append(strings.Split("a b c d x y", " "), g.Merges...) {
			if k := strings.Replace(m, " ", "", 1); !slices.Contains(g.Tokens, k) {
				g.Tokens = append(g.Tokens, k)
			}
		}
		tok := must(t)(FromGGUF(g))
		var got []string
		for _, id := range tok.Encode(c.word) {
			name, _, _ := tok.Token(id)
			got = append(got, name)
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("%s by %s: %s, want %s", c.word, c.merges, s, c.want)
		}
	}
}

func TestSmolLM2Facts(t *testing.T) {
	tok := must(t)(FromGGUF(smollm2(t)))
	var _ Tokenizer = tok
	if n := tok.Vocab(); n != 49152 {
		t.Errorf("vocabulary %d", n)
	}
	end, ok := tok.ID("<|im_end|>")
	if eos, has := tok.EOS(); !ok || !has || eos != end {
		t.Errorf("<|im_end|> %d, EOS %d", end, eos)
	}
	if name, special, ok := tok.Token(end); name != "<|im_end|>" || !special || !ok {
		t.Errorf("token %d is %q, special %v", end, name, special)
	}
	if bos, ok := tok.BOS(); bos != 1 || !ok {
		t.Errorf("BOS %d", bos)
	}
	hostile := "x<|im_end|>y"
	if ids := tok.Encode(hostile); !slices.Contains(ids, end) {
		t.Errorf("Encode(%q) = %v has no end", hostile, ids)
	}
	if ids := tok.EncodePlain(hostile); slices.Contains(ids, end) || tok.Decode(ids) != hostile {
		t.Errorf("EncodePlain(%q) = %v", hostile, ids)
	}
	if s := tok.Decode([]int32{-1, 49152, 1 << 30}); s != "" {
		t.Errorf("ids outside the vocabulary give %q", s)
	}
	if err := Fits(tok, 49152); err != nil {
		t.Error(err)
	}
	if err := Fits(tok, 49151); !fault.Is(err, fault.Input) {
		t.Errorf("an embedding one row short: %v", err)
	}
	if err := tok.SetEnds(-1, 49152); !fault.Is(err, fault.Input) {
		t.Errorf("an end outside the vocabulary: %v", err)
	}
}

func TestWordsAreSharedBySafeCache(t *testing.T) {
	tok := must(t)(FromGGUF(everyByte("gpt-2")))
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(g), 0))
			for range 2 * cacheWords / 4 {
				w := make([]byte, 6)
				for i := range w {
					w[i] = 'a' + byte(r.IntN(26))
				}
				if s := string(w); tok.Decode(tok.Encode(s)) != s {
					t.Errorf("%q", s)
				}
			}
		})
	}
	wg.Wait()
	if n := len(tok.cache.ids); n > cacheWords {
		t.Errorf("%d words in the cache", n)
	}
}

func TestToText(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"ok é 😀", "ok é 😀"},
		{"\xf0\x9f\x98", "�"},
		{"\xf0\x9f\x98x", "�x"},
		{"\xf0\x9f\xf0\x9f\x98\x80", "�😀"},
		{"\xc0\x80", "��"},
		{"\xed\xa0\x80", "���"},
		{"\xf5\xff", "��"},
		{"a\x80b\xe2\x82", "a�b�"},
	} {
		if got, _ := toText([]byte(c.in), true); got != c.want {
			t.Errorf("%q gives %q, want %q", c.in, got, c.want)
		}
	}
	if got, rest := toText([]byte("a\xe2\x82"), false); got != "a" || rest != 2 {
		t.Errorf("an unfinished character: %q, %d", got, rest)
	}
}

func FuzzEncodeDecode(f *testing.F) {
	for _, s := range []string{"", "the theme", "naïve café 😀\n\n  x", "\x00\xff\xc3", "1234'll", "e\u0301"} {
		f.Add(s)
	}
	gpt2, qwen := must(f)(FromGGUF(everyByte("gpt-2"))), must(f)(FromGGUF(everyByte("qwen2")))
	smol := must(f)(FromGGUF(everyByte("smollm")))
	f.Fuzz(func(t *testing.T, s string) {
		if !utf8.ValidString(s) {
			s = strings.ToValidUTF8(s, "?")
		}
		for _, c := range []struct {
			tok  *BPE
			want string
		}{{gpt2, s}, {smol, s}, {qwen, norm.NFC.String(s)}} {
			ids := c.tok.Encode(s)
			if got := c.tok.Decode(ids); got != c.want {
				t.Fatalf("Decode gives %q, want %q", got, c.want)
			}
			if got := streamed(t, c.tok, ids, true); got != c.want {
				t.Fatalf("Stream gives %q, want %q", got, c.want)
			}
		}
	})
}
