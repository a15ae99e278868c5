package text

import (
	"slices"
	"strings"
)

// trie finds the pieces that a text begins with. A node's children stand
// together, in order of their bytes.
type trie struct {
	nodes []trieNode
	label []byte // by which a node is reached
}

type trieNode struct {
	id    int32 // of the piece that ends here; -1: none
	first int32 // of the children
	count int32
}

// newTrie makes a trie of pieces by id; empty ones are left out.
func newTrie(pieces map[string]int32) *trie {
	keys := make([]string, 0, len(pieces))
	for k := range pieces {
		if k != "" {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	t := &trie{nodes: []trieNode{{id: -1}}, label: []byte{0}}
	type part struct {
		node, depth int
		keys        []string // that share the node's bytes
	}
	for queue := []part{{0, 0, keys}}; len(queue) > 0; queue = queue[1:] {
		p := queue[0]
		n := &t.nodes[p.node]
		if len(p.keys) > 0 && len(p.keys[0]) == p.depth {
			n.id, p.keys = pieces[p.keys[0]], p.keys[1:]
		}
		n.first = int32(len(t.nodes))
		for len(p.keys) > 0 {
			c := p.keys[0][p.depth]
			end := 1
			for end < len(p.keys) && p.keys[end][p.depth] == c {
				end++
			}
			queue = append(queue, part{len(t.nodes), p.depth + 1, p.keys[:end]})
			t.nodes, t.label = append(t.nodes, trieNode{id: -1}), append(t.label, c)
			t.nodes[p.node].count++
			p.keys = p.keys[end:]
		}
	}
	return t
}

// prefixes calls found for each piece that s begins with, shortest first.
func (t *trie) prefixes(s string, found func(length int, id int32)) {
	n := t.nodes[0]
	for i := range len(s) {
		at, ok := slices.BinarySearch(t.label[n.first:n.first+n.count], s[i])
		if !ok {
			return
		}
		if n = t.nodes[int(n.first)+at]; n.id >= 0 {
			found(i+1, n.id)
		}
	}
}

// longest is the longest of them.
func (t *trie) longest(s string) (length int, id int32) {
	t.prefixes(s, func(n int, i int32) { length, id = n, i })
	return length, id
}

// meta is the character that stands for a space in pieces.
const meta = "▁"

// unmeta gives the text of a piece.
func unmeta(piece string) string { return strings.ReplaceAll(piece, meta, " ") }
