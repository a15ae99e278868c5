package hf

import (
	"encoding/json"

	"handful/core/fault"
	"handful/core/format"
	"handful/core/text"
)

// maxTokenizer bounds tokenizer.json and spiece.model; the largest public ones
// are below 40 MB.
const maxTokenizer = 64 << 20

// t5Sentinels are the extra ids of a T5 whose tokenizer_config.json does not
// tell; mT5 has none.
const t5Sentinels = 100

// readTokenizer opens tokenizer.json, or spiece.model where that is missing.
func (c *Checkpoint) readTokenizer(f format.Folder) {
	if b, ok := f.Find("tokenizer.json"); ok {
		c.tok = func() (text.Tokenizer, error) {
			raw, err := format.ReadText("tokenizer.json", b, maxTokenizer)
			if err != nil {
				return nil, err
			}
			t, err := text.FromJSON(raw)
			if err != nil {
				return nil, err
			}
			return c.ends(t), nil
		}
	} else if b, ok := f.Find("spiece.model"); ok {
		c.tok = func() (text.Tokenizer, error) {
			switch format.SniffBlob(b) {
			case "binary", "text": // what a message of protobuf may look like
			default:
				return nil, format.In(b.Name, format.NotA("tokenizer", "sentencepiece's model", b))
			}
			raw, err := format.ReadAll("spiece.model", b, maxTokenizer)
			if err != nil {
				return nil, err
			}
			n, err := c.sentinels(f)
			if err != nil {
				return nil, err
			}
			t, err := text.FromSentencePiece(raw, n)
			if err != nil {
				return nil, format.In(b.Name, err)
			}
			return c.ends(t), nil
		}
	}
}

// ends lets a tokenizer know the config's tokens, where it has them.
func (c *Checkpoint) ends(t text.Tokenizer) text.Tokenizer {
	known := func(list []int) int32 {
		for _, id := range list {
			if _, _, ok := t.Token(int32(id)); ok {
				return int32(id)
			}
		}
		return -1
	}
	_ = t.SetEnds(known(c.Config.BOS), known(c.Config.EOS)) // it has both
	return t
}

// sentinels is how many extra ids stand behind the pieces of a spiece.model.
func (c *Checkpoint) sentinels(f format.Folder) (int, error) {
	n := t5Sentinels
	if c.Config.ModelType == "mt5" {
		n = 0
	}
	const name = "tokenizer_config.json"
	b, ok := f.Find(name)
	if !ok {
		return n, nil
	}
	raw, err := format.ReadText(name, b, maxTokenizer)
	if err != nil {
		return 0, err
	}
	var o struct {
		Extra *int `json:"extra_ids"`
	}
	if err := json.Unmarshal(raw, &o); err != nil {
		return 0, fault.Inputf(name, "malformed: %w", err).Next("get the file again")
	}
	if set(&n, o.Extra); n < 0 || n > 1000 {
		return 0, fault.Inputf(name, "extra_ids %d, want 0 to 1000", n).Next("get the file again")
	}
	return n, nil
}
