// Package text turns text into token ids and back.
//
// Byte-level BPE comes from a tokenizer.json or from the values of a GGUF file,
// Unigram from a tokenizer.json or from sentencepiece's spiece.model. They give
// what HF tokenizers and sentencepiece give, id for id.
package text

import "handful/core/fault"

// Tokenizer is a vocabulary with its rules. All methods may be called from
// several goroutines at once.
//
// Encode adds nothing: no BOS, no EOS, no template (HF add_special_tokens
// False). Like HF, it reads the name of a special token inside the text, such
// as <|im_end|>, as that token; EncodePlain reads it as the characters it is
// made of (HF encode_special_tokens True), for text that must not be able to
// end a turn. Prompts are made with Encode, so that results agree with PEFT.
type Tokenizer interface {
	Encode(s string) []int32
	EncodePlain(s string) []int32

	// Decode gives the text of ids; ids that the vocabulary lacks give nothing,
	// bytes that are no UTF-8 give U+FFFD. Special tokens are written by name;
	// DecodePlain leaves them out (HF skip_special_tokens False and True).
	Decode(ids []int32) string
	DecodePlain(ids []int32) string

	// Bytes is what one id adds to the text, perhaps part of a character; First
	// what it adds as the first one, which may lack the space that begins a word.
	Bytes(id int32) []byte
	First(id int32) []byte

	// Vocab is one more than the largest id.
	Vocab() int

	// ID and Token go between an id and its name as the vocabulary writes it:
	// "Ġthe", not " the".
	ID(token string) (int32, bool)
	Token(id int32) (token string, special, ok bool)

	// BOS and EOS begin and end a text; false when the model names none.
	BOS() (int32, bool)
	EOS() (int32, bool)

	// SetEnds says which ids those are, -1 for none, before the tokenizer is
	// shared: tokenizer.json doesn't say, a HF folder's config.json does
	// (bos_token_id, eos_token_id).
	SetEnds(bos, eos int32) error
}

// Fits says whether every id of t has a row in an embedding of that many rows.
func Fits(t Tokenizer, rows int) error {
	if t.Vocab() <= rows {
		return nil
	}
	last := int32(t.Vocab() - 1)
	name, _, _ := t.Token(last)
	return fault.Inputf("text.Fits", "token %d (%q) has no row in the embedding, which has %d; got a vocabulary of %d", last, name, rows, t.Vocab()).
		Next("take the tokenizer and the model from the same place")
}
