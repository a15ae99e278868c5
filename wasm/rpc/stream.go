package rpc

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"handful/core/fault"
)

// A message on a stream of bytes is a line of sizes, that of its text and those
// of its blobs, as decimal numbers with spaces between, then all of them, end
// to end:
//
//	52 8\n{"id":1,"method":"card","params":{}}…
const (
	maxSizes = 1 << 16 // bytes of the line of sizes
	maxBody  = 1 << 30 // bytes behind it
)

// ReadMessage reads one message; io.EOF where the stream ends before it.
func ReadMessage(in *bufio.Reader) (msg string, blobs [][]byte, err error) {
	line, err := readLine(in)
	if err != nil {
		return "", nil, err
	}
	var sizes []int
	left := maxBody
	for _, f := range strings.Fields(line) {
		n, err := strconv.Atoi(f)
		if err != nil || n < 0 || n > left {
			return "", nil, fault.Inputf("rpc", "got the size %.40q, want bytes, at most %d in a message", f, maxBody)
		}
		left -= n
		sizes = append(sizes, n)
	}
	if len(sizes) == 0 {
		return "", nil, fault.Inputf("rpc", "got a message without sizes")
	}
	parts := make([][]byte, len(sizes))
	for i, n := range sizes {
		if parts[i], err = io.ReadAll(io.LimitReader(in, int64(n))); err == nil && len(parts[i]) < n {
			err = fault.Inputf("rpc", "got %d bytes, want %d", len(parts[i]), n)
		}
		if err != nil {
			return "", nil, err
		}
	}
	return string(parts[0]), parts[1:], nil
}

// readLine reads up to a line break, at most maxSizes bytes.
func readLine(in *bufio.Reader) (string, error) {
	var line []byte
	for {
		piece, err := in.ReadSlice('\n')
		line = append(line, piece...)
		switch {
		case len(line) > maxSizes:
			return "", fault.Inputf("rpc", "got a first line of more than %d bytes, want sizes", maxSizes)
		case err == nil:
			return string(line), nil
		case errors.Is(err, io.EOF) && len(line) > 0:
			return "", fault.Inputf("rpc", "got the end of the stream in a line of sizes")
		case !errors.Is(err, bufio.ErrBufferFull):
			return "", err
		}
	}
}

// WriteMessage writes one message.
func WriteMessage(out io.Writer, msg string, blobs [][]byte) error {
	var head strings.Builder
	fmt.Fprint(&head, len(msg))
	for _, b := range blobs {
		fmt.Fprint(&head, " ", len(b))
	}
	head.WriteByte('\n')
	for _, part := range append([][]byte{[]byte(head.String()), []byte(msg)}, blobs...) {
		if _, err := out.Write(part); err != nil {
			return err
		}
	}
	return nil
}
