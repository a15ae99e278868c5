package model

import (
	"encoding/json"
	"os"
	"testing"
)

// TestBuckets holds the buckets of relative positions against transformers'
// (testdata/make_generate.py).
func TestBuckets(t *testing.T) {
	var want struct {
		Tables []struct {
			Buckets, Most, First int
			Both                 bool
			Rows                 [][2]int // value, how often in a row
		}
	}
	b, err := os.ReadFile("testdata/buckets.json")
	if err == nil {
		err = json.Unmarshal(b, &want)
	}
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, c := range want.Tables {
		at := c.First
		for _, r := range c.Rows {
			for range r[1] {
				if got := bucket(at, c.Both, c.Buckets, c.Most); got != r[0] {
					t.Fatalf("%d buckets up to %d, both sides %v: distance %d is in %d, want %d", c.Buckets, c.Most, c.Both, at, got, r[0])
				}
				at++
				n++
			}
		}
	}
	if n < 10_000 {
		t.Errorf("%d distances", n)
	}
}
