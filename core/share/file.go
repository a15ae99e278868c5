package share

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"encoding/json"
	"errors"
	"hash/crc32"
	"io"

	"handful/core/fault"
)

// A .handful file is a magic, a checksum (IEEE CRC-32 of all that follows), the
// card as deflated JSON, and what was learned: a mixture's counts, a byte
// each, Huffman-coded (deflate without matches: there are none to find), or
// tensors as they are. A code is the same without the magic, in base64url.

const (
	magic     = "handful\x01"
	mostCard  = 32 << 20 // bytes of JSON in a file; the examples in it have had their limit
	mostShort = 1 << 20  // in a code
	// MostFile bounds a file that is read whole.
	MostFile = 256 << 20
)

// again is the next step where something is damaged.
const again = "ask for it again: a part of it is missing or changed"

// Encode writes a .handful file.
func Encode(a *Adapter) ([]byte, error) {
	b, err := a.encode()
	return append([]byte(magic), b...), err
}

// Decode reads a .handful file.
func Decode(b []byte) (*Adapter, error) {
	switch {
	case bytes.HasPrefix(b, []byte(magic)):
		return decode(b[len(magic):], mostCard)
	case bytes.HasPrefix(b, []byte(magic[:len(magic)-1])) && len(b) >= len(magic):
		return nil, fault.Unsupportedf(op, "format %d, want 1", b[len(magic)-1]).Next("get a newer version of this program")
	}
	return nil, fault.Inputf(op, "no .handful file").Next("choose one that Share has made")
}

// Is tells that a file begins as a .handful file does.
func Is(head []byte) bool { return bytes.HasPrefix(head, []byte(magic[:len(magic)-1])) }

func (a *Adapter) encode() ([]byte, error) {
	if err := a.check(); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	out.Write(make([]byte, crc32.Size))
	card := deflate(&out, flate.BestCompression)
	enc := json.NewEncoder(card)
	enc.SetEscapeHTML(false)
	if err := errors.Join(enc.Encode(&a.Card), card.Close()); err != nil {
		return nil, fault.From(op, err)
	}
	if a.Levels == 0 {
		out.Write(a.Tensors)
	} else {
		if len(a.Mixture) != a.Sites*a.Splits*a.Skills {
			return nil, fault.New(fault.Bug, op, "%d weights for %d × %d × %d", len(a.Mixture), a.Sites, a.Splits, a.Skills)
		}
		k, err := counts(a.Mixture, a.Skills, a.Levels)
		if err != nil {
			return nil, err
		}
		w := deflate(&out, flate.HuffmanOnly)
		if _, err := w.Write(k); err != nil {
			return nil, fault.From(op, err)
		}
		if err := w.Close(); err != nil {
			return nil, fault.From(op, err)
		}
	}
	seal(out.Bytes())
	return out.Bytes(), nil
}

// seal puts the checksum in its place.
func seal(b []byte) { binary.LittleEndian.PutUint32(b, crc32.ChecksumIEEE(b[crc32.Size:])) }

func deflate(w io.Writer, level int) *flate.Writer {
	f, err := flate.NewWriter(w, level)
	if err != nil {
		panic(err) // the levels are flate's own
	}
	return f
}

// decode reads the layout with a card of at most so many bytes.
func decode(b []byte, most int64) (*Adapter, error) {
	if len(b) < crc32.Size {
		return nil, fault.Inputf(op, "%d bytes, want more", len(b)).Next(again)
	}
	rest := b[crc32.Size:]
	if got, want := crc32.ChecksumIEEE(rest), binary.LittleEndian.Uint32(b); got != want {
		return nil, fault.Inputf(op, "checksum %08x, want %08x", got, want).Next(again)
	}
	r := bytes.NewReader(rest) // flate reads no byte too many of it
	text, err := inflate(r, most)
	if err != nil {
		return nil, err
	}
	a := &Adapter{}
	if err := json.Unmarshal(text, &a.Card); err != nil {
		return nil, fault.Inputf(op, "malformed: %w", err).Next(again)
	}
	if err := a.check(); err != nil {
		return nil, err
	}
	if a.Levels == 0 {
		a.Tensors = rest[len(rest)-r.Len():]
		return a, nil
	}
	heads := a.Sites * a.Splits
	want := heads * (a.Skills - 1)
	k, err := inflate(r, int64(want))
	if err != nil {
		return nil, err
	}
	if len(k) != want || r.Len() > 0 {
		return nil, fault.Inputf(op, "%d counts and %d bytes behind them, want %d and none", len(k), r.Len(), want).Next(again)
	}
	a.Mixture, err = mixture(k, heads, a.Skills, a.Levels)
	return a, err
}

// inflate reads one deflated stream of at most so many bytes.
func inflate(r *bytes.Reader, most int64) ([]byte, error) {
	f := flate.NewReader(r)
	b, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		return nil, fault.Inputf(op, "%w", err).Next(again)
	}
	if int64(len(b)) > most {
		return nil, fault.Inputf(op, "more than %d bytes", most).Next(again)
	}
	return b, nil
}
