package hf

import (
	"compress/gzip"
	"io"
	"os"
	"strings"
	"testing"

	"handful/core/fault"
	"handful/core/format"
)

// spiece is a small T5 vocabulary of sentencepiece's.
func spiece(t *testing.T) []byte {
	t.Helper()
	f, err := os.Open("../../text/testdata/t5.spiece.model.gz")
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

// A T5's tokenizer is tokenizer.json's, else spiece.model's with sentinels; its
// end is the config's.
func TestT5Tokenizer(t *testing.T) {
	sp := blob("spiece.model", spiece(t))
	js := `{"model":{"type":"Unigram","unk_id":2,"vocab":[["<pad>",0],["</s>",0],["<unk>",0],["▁a",-1]]},
		"pre_tokenizer":{"type":"Metaspace","replacement":"▁"},"decoder":{"type":"Metaspace","replacement":"▁"}}`
	const pieces = 725
	for _, c := range []struct {
		name  string
		model string
		files format.Folder
		vocab int
	}{
		{"none", "t5", nil, 0},
		{"spiece.model", "t5", format.Folder{sp}, pieces + 100},
		{"mT5's", "mt5", format.Folder{sp}, pieces},
		{"so many sentinels", "t5", format.Folder{sp, blob("tokenizer_config.json", []byte(`{"extra_ids": 7}`))}, pieces + 7},
		{"tokenizer.json first", "t5", format.Folder{sp, blob("tokenizer.json", []byte(js))}, 4},
	} {
		ck, err := Open(append(t5With(t, map[string]any{"model_type": c.model}, nil), c.files...))
		if err != nil {
			t.Fatal(err)
		}
		tok, err := ck.Tokenizer()
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if c.vocab == 0 {
			if tok != nil {
				t.Errorf("%s: got a tokenizer", c.name)
			}
			continue
		}
		if id, ok := tok.EOS(); tok.Vocab() != c.vocab || id != 1 || !ok {
			t.Errorf("%s: %d tokens, want %d; EOS %d %v", c.name, tok.Vocab(), c.vocab, id, ok)
		}
	}
	for says, files := range map[string]format.Folder{
		"bytes before the end": {blob("spiece.model", spiece(t)[:5000])},
		"got an HTML page":     {blob("spiece.model", []byte("<html>"))},
		"git lfs pull":         {blob("spiece.model", []byte("version https://git-lfs.github.com/spec/v1\n"))},
		"extra_ids -1":         {sp, blob("tokenizer_config.json", []byte(`{"extra_ids": -1}`))},
		"malformed":            {sp, blob("tokenizer_config.json", []byte(`[`))},
		"Lowercase":            {blob("tokenizer.json", []byte(strings.Replace(js, `"pre_tokenizer"`, `"normalizer":{"type":"Lowercase"},"pre_tokenizer"`, 1)))},
	} {
		ck, err := Open(append(t5With(t, nil, nil), files...))
		if err != nil {
			t.Fatal(err)
		}
		if tok, err := ck.Tokenizer(); tok != nil || !(fault.Is(err, fault.Input) || fault.Is(err, fault.Unsupported)) || !strings.Contains(err.Error(), says) {
			t.Errorf("got %v, %v; want %q", tok, err, says)
		}
	}
}
