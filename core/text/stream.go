package text

// Stream decodes ids one at a time. It gives a character only when it is
// whole, so what it gave so far can be shown; all it gives, put together, is
// what Decode (or DecodePlain) gives for all ids at once.
type Stream struct {
	tok   Tokenizer
	plain bool
	begun bool   // a token has come
	buf   []byte // the beginning of a character
}

// NewStream decodes with t; plain leaves special tokens out.
func NewStream(t Tokenizer, plain bool) *Stream { return &Stream{tok: t, plain: plain} }

// Push takes one id and gives the text that is now whole, often "".
func (s *Stream) Push(id int32) string {
	if _, special, _ := s.tok.Token(id); special && s.plain {
		return ""
	}
	add := s.tok.Bytes
	if !s.begun {
		add, s.begun = s.tok.First, true
	}
	s.buf = append(s.buf, add(id)...)
	out, rest := toText(s.buf, false)
	s.buf = append(s.buf[:0], s.buf[len(s.buf)-rest:]...)
	return out
}

// Flush ends the text: a character that was never finished gives U+FFFD.
func (s *Stream) Flush() string {
	out, _ := toText(s.buf, true)
	s.buf = s.buf[:0]
	return out
}
