package text

import (
	"strings"
	"sync"
)

// The cache holds so many words of at most so many bytes, about 2 MB, and is
// emptied when it is full.
const cacheWords, cacheBytes = 1 << 14, 64

// wordCache remembers the ids of words.
type wordCache struct {
	mu  sync.Mutex
	ids map[string][]int32
}

// append adds the ids of w, which encode makes where they are not known.
func (c *wordCache) append(dst []int32, w string, encode func(string) []int32) []int32 {
	if len(w) > cacheBytes {
		return append(dst, encode(w)...)
	}
	c.mu.Lock()
	ids, ok := c.ids[w]
	c.mu.Unlock()
	if !ok {
		ids = encode(w)
		c.mu.Lock()
		if c.ids == nil || len(c.ids) >= cacheWords {
			c.ids = map[string][]int32{}
		}
		c.ids[strings.Clone(w)] = ids // w may be part of a large text
		c.mu.Unlock()
	}
	return append(dst, ids...)
}
