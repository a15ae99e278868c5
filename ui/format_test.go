//go:build !js

package ui

import (
	"math"
	"testing"
	"time"
)

func TestTexts(t *testing.T) {
	for _, x := range []struct{ got, want string }{
		{bytesText(-1), "0 B"},
		{bytesText(999), "999 B"},
		{bytesText(1000), "1.0 kB"},
		{bytesText(98_362_432), "98 MB"},
		{bytesText(9_949_000), "9.9 MB"},
		{bytesText(9_960_000), "10 MB"},
		{bytesText(999_600_000), "1.0 GB"},
		{bytesText(math.MaxInt64), "9223372 TB"},
		{countText(0), "0"},
		{countText(999), "999"},
		{countText(1000), "1,000"},
		{countText(-123456), "-123,456"},
		{countText(134_515_008), "134.5 M"},
		{countText(2e9), "2.0 B"},
		{plural(1, "row"), "1 row"},
		{plural(0, "row"), "0 rows"},
		{plural(1200, "row"), "1,200 rows"},
		{durationText(-time.Hour), "0 s"},
		{durationText(1), "1 s"},
		{durationText(59 * time.Second), "59 s"},
		{durationText(65 * time.Second), "1 min 5 s"},
		{durationText(120 * time.Second), "2 min"},
		{durationText(601 * time.Second), "11 min"},
		{durationText(3600 * time.Second), "1 h 0 min"},
		{durationText(90*time.Minute + time.Second), "1 h 31 min"},
		{percentText(.625), "62%"},
		{percentText(math.NaN()), "–"},
		{lossText(1.23456), "1.235"},
		{lossText(math.Inf(1)), "–"},
		{clip("short", 5), "short"},
		{clip("one two three", 4), "one …"},
		{clip("ééé", 2), "éé …"},
		{clip("éé", 3), "éé"},
	} {
		if x.got != x.want {
			t.Errorf("got %q, want %q", x.got, x.want)
		}
	}
}
