package share

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"handful/core/fault"
)

const sum = "5a7d2130d3bc67ee1add7a2d763bab51e0ba855d7e37a4853058947ce9f6efc4"

// mixed is a fine-tune whose weights are about as far from uniform as logits
// of a spread.
func mixed(sites, splits, skills int, spread float64) *Adapter {
	r := rand.New(rand.NewPCG(7, 7))
	a := &Adapter{Card: Card{Name: "walk → walks", Made: "2026-01-02T03:04:05Z", Method: "z", Base: Weights{"Pocket", sum}, Inventory: &Weights{"pocket-mhr", sum},
		Instruction: "Do it.", Options: []string{"a", "b"}, Sites: sites, Splits: splits, Skills: skills,
		Settings: map[string]json.RawMessage{"steps": json.RawMessage("40"), "router_init": json.RawMessage(`"fresh"`)},
		Scores:   []Score{{Name: "base", N: 40, Accuracy: .5, Balanced: .5, Loss: 1.25, Classes: 2}}}}
	for range sites * splits {
		total, w := 0.0, make([]float64, skills)
		for s := range w {
			w[s] = 1 / (1 + math.Exp(-spread*r.NormFloat64()))
			total += w[s]
		}
		for _, x := range w {
			a.Mixture = append(a.Mixture, float32(x/total))
		}
	}
	return a
}

// furthest is the largest difference of two weights.
func furthest(a, b []float32) (most float64) {
	for i := range a {
		most = max(most, math.Abs(float64(a[i]-b[i])))
	}
	return most
}

func TestCode(t *testing.T) {
	for _, x := range []struct {
		sites, splits, skills int
		spread                float64
	}{{210, 8, 8, .5}, {210, 8, 8, 1.5}, {28, 8, 8, 3}, {1, 1, 1, 1}, {2, 1, 300, 1}, {7, 4, 2, 20}, {3, 2, 4, 0}} {
		a := mixed(x.sites, x.splits, x.skills, x.spread)
		code, told, err := Code(a, MostCode)
		if err != nil {
			t.Errorf("%+v: %v", x, err)
			continue
		}
		got, err := FromText("https://page.test/handful/#" + code)
		if err != nil {
			t.Fatalf("%+v: %v", x, err)
		}
		off := furthest(got.Mixture, a.Mixture)
		t.Logf("%+v: %d characters, %dths, off by %.5f, %.2f bits a weight", x, len(code), got.Levels, off, 6*float64(len(code))/float64(len(a.Mixture)))
		if len(code) > MostCode || off > Bound(got.Levels) || !reflect.DeepEqual(got, told) {
			t.Errorf("%+v: %d characters, off by %g in %dths", x, len(code), off, got.Levels)
		}
		want := a.Card
		want.Levels = got.Levels
		if !reflect.DeepEqual(got.Card, want) {
			t.Errorf("got the card\n%+v, want\n%+v", got.Card, want)
		}
		again, _, err := Code(got, MostCode)
		if err != nil || again != code {
			t.Errorf("%+v: shared again it is another code (%v)", x, err)
		}
	}
}

// What is too long at the coarsest is refused, and so is what has no mixture.
func TestTooLong(t *testing.T) {
	for want, a := range map[string]*Adapter{
		"characters in 32ths": mixed(600, 8, 8, 2),
		"learns more":         {Card: Card{Method: "mu", Base: Weights{"b", sum}}, Tensors: []byte("x")},
	} {
		_, _, err := Code(a, MostCode)
		if !fault.Is(err, fault.Unsupported) || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), ".handful") {
			t.Errorf("got %v, want it to say %q", err, want)
		}
	}
	a := mixed(28, 8, 8, 1)
	long := a
	long.Examples = strings.Repeat("noise that is long ", 9)
	short, _, err := Code(a, 1200)
	if err != nil || len(short) > 1200 {
		t.Errorf("%d characters, %v", len(short), err)
	}
}

func TestFile(t *testing.T) {
	exact := &Adapter{Card: Card{Method: "lora", Base: Weights{"b", sum}, Config: json.RawMessage(`{"r":4}`),
		Run: &Run{Trainable: 9, Stopped: true, Kept: 1, Steps: []Step{{1.5, .1, 2, 3.25, new(1.25)}}}}, Tensors: []byte("tensors as they are")}
	coarse := mixed(28, 8, 8, 1)
	coarse.Levels = 100
	for _, a := range []*Adapter{exact, coarse} {
		b, err := Encode(a)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Decode(b)
		if err != nil {
			t.Fatal(err)
		}
		if !Is(b) || !reflect.DeepEqual(got.Card, a.Card) || !bytes.Equal(got.Tensors, a.Tensors) || furthest(got.Mixture, a.Mixture) > .01 {
			t.Errorf("got %+v, want %+v", got.Card, a.Card)
		}
	}
}

// A file with any byte changed, or cut anywhere, is refused.
func TestFileThatIsDamaged(t *testing.T) {
	b, err := Encode(&Adapter{Card: Card{Method: "lora", Base: Weights{"b", sum}, Config: json.RawMessage(`{"r":4}`)}, Tensors: []byte("tensors as they are")})
	if err != nil {
		t.Fatal(err)
	}
	for i := range b {
		changed := bytes.Clone(b)
		changed[i] ^= 4
		for _, bad := range [][]byte{changed, b[:i]} {
			if got, err := Decode(bad); !fault.Is(err, fault.Input) && !fault.Is(err, fault.Unsupported) {
				t.Errorf("damage at byte %d of %d: %+v, %v", i, len(b), got, err)
			}
		}
	}
}

func TestCounts(t *testing.T) {
	for _, w := range [][]float32{{1, 0}, {0, 1}, {.5, .5}, {.3333333, .6666667}} {
		k, err := counts(w, 2, 255)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := mixture(k, 1, 2, 255); err != nil || furthest(got, w) > 1./255 {
			t.Errorf("%v: got %v, %v", w, got, err)
		}
	}
	for _, w := range [][]float32{{-.5, 1.5}, {.5, .6}, {float32(math.NaN()), 1}, {float32(math.Inf(1)), 0}} {
		if _, err := counts(w, 2, 255); !fault.Is(err, fault.Input) {
			t.Errorf("%v: got %v, want an Input fault", w, err)
		}
	}
	if _, err := mixture([]byte{200, 200}, 1, 3, 255); !fault.Is(err, fault.Input) {
		t.Errorf("got %v, want an Input fault", err)
	}
}

func TestBadCodes(t *testing.T) {
	code, _, err := Code(mixed(28, 8, 8, 1), MostCode)
	if err != nil {
		t.Fatal(err)
	}
	changed := []byte(code)
	changed[200] ^= 1
	for text, want := range map[string]string{
		"":                          "no fine-tune",
		"#":                         "no fine-tune",
		"h1":                        "no fine-tune",
		"https://page.test/#about":  `"about" is no fine-tune`,
		"h1.":                       "0 bytes",
		"h1.!!!":                    "illegal base64",
		"h1.AAAAAAAA":               "checksum",
		"h2.AAAA":                   "format 2",
		code[:len(code)-7]:          "missing or changed",
		code + "A":                  "missing or changed",
		string(changed):             "missing or changed",
		strings.Repeat("h1.", 1e5):  "characters, want at most",
		"javascript:alert(1)#" + "": "no fine-tune",
	} {
		if _, err := FromText(text); err == nil || !strings.Contains(err.Error(), want) || len(err.Error()) > 300 {
			t.Errorf("%.40q: got %v, want it to say %q", text, err, want)
		}
	}
	for _, b := range [][]byte{nil, []byte("handful"), []byte("handful\x02rest"), []byte("PK\x03\x04"), []byte(magic + "abc")} {
		if _, err := Decode(b); err == nil {
			t.Errorf("%q was read", b)
		}
	}
}

// A card that claims too much is refused before anything is made of it.
func TestBadCards(t *testing.T) {
	huge := strings.Repeat("x", 2<<20)
	for name, change := range map[string]func(a *Adapter){
		"method":      func(a *Adapter) { a.Method = "" },
		"sha256":      func(a *Adapter) { a.Base.SHA256 = "../../etc" },
		"upper":       func(a *Adapter) { a.Inventory.SHA256 = strings.ToUpper(sum) },
		"negative":    func(a *Adapter) { a.Sites = -1 },
		"too many":    func(a *Adapter) { a.Sites, a.Splits, a.Skills = 1<<20, 1<<20, 1<<20 },
		"levels":      func(a *Adapter) { a.Levels = 256 },
		"below":       func(a *Adapter) { a.Levels = -5 },
		"no heads":    func(a *Adapter) { a.Splits = 0 },
		"instruction": func(a *Adapter) { a.Instruction = huge },
	} {
		a := mixed(2, 2, 2, 1)
		a.Levels = 64
		change(a)
		if _, err := Encode(a); !fault.Is(err, fault.Input) || len(err.Error()) > 300 {
			t.Errorf("%s: got %v, want an Input fault", name, err)
		}
	}
}

// A small code may not take much memory or time.
func TestBombs(t *testing.T) {
	a := mixed(1, 1, 2, 1)
	a.Levels, a.Examples = 9, strings.Repeat("a", mostCard-2000)
	b, err := a.encode()
	if err != nil {
		t.Fatal(err)
	}
	code := mark + base64.RawURLEncoding.EncodeToString(b)
	start := time.Now()
	if _, err := FromText(code); !fault.Is(err, fault.Input) || len(code) > longest {
		t.Errorf("%d characters that hold %d: got %v, want an Input fault", len(code), mostCard, err)
	}
	if d := time.Since(start); d > time.Second {
		t.Errorf("it took %v", d)
	}
	a.Examples = strings.Repeat("a", mostCard+1)
	if b, err = Encode(a); err != nil {
		t.Fatal(err)
	}
	if _, err := Decode(b); !fault.Is(err, fault.Input) {
		t.Errorf("a file: got %v, want an Input fault", err)
	}
}

func TestName(t *testing.T) {
	for in, want := range map[string]string{" a\n\tb  c ": "a b c", "\x1b[31mred\x07": "[31mred", "ß → 1": "ß → 1", "<img src=x>": "<img src=x>", "\u202eabc": "abc", strings.Repeat("é", 500): strings.Repeat("é", 120)} {
		if got := Name(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

// FuzzDecode: whatever is read can be written, and reads the same.
func FuzzDecode(f *testing.F) {
	for i, a := range []*Adapter{mixed(2, 2, 3, 1), mixed(1, 1, 1, 1), {Card: Card{Method: "mu", Base: Weights{"b", sum}}, Tensors: []byte("tensors")}} {
		if i < 2 {
			a.Levels = 40
		}
		b, err := a.encode()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 4 {
			sealed := append([]byte{}, b...)
			seal(sealed)
			b = sealed
		}
		a, err := decode(b, mostCard)
		if err != nil {
			if s := err.Error(); len(s) > 600 {
				t.Fatalf("a fault of %d bytes", len(s))
			}
			return
		}
		out, err := a.encode()
		if err != nil {
			t.Fatalf("read but not written: %v", err)
		}
		back, err := decode(out, mostCard)
		if err != nil || !reflect.DeepEqual(back.Mixture, a.Mixture) || !bytes.Equal(back.Tensors, a.Tensors) || said(t, back) != said(t, a) {
			t.Fatalf("%v: got %+v, want %+v", err, back, a)
		}
	})
}

func said(t *testing.T, a *Adapter) string {
	b, err := json.Marshal(&a.Card)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func FuzzFromText(f *testing.F) {
	code, _, err := Code(mixed(2, 2, 2, 1), MostCode)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(code)
	f.Add("https://x.test/#h1.AAAA")
	f.Add("h9.")
	f.Fuzz(func(t *testing.T, s string) {
		if a, err := FromText(s); err == nil && a.Method == "" {
			t.Fatal("read without a method")
		} else if err != nil && len(err.Error()) > 600 {
			t.Fatalf("a fault of %d bytes", len(err.Error()))
		}
	})
}
