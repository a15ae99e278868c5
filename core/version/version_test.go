//go:build !js

package version

import (
	"os"
	"regexp"
	"testing"
)

func TestChangelogBeginsWithTheVersion(t *testing.T) {
	text, err := os.ReadFile("../../CHANGELOG.md")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`(?m)^## (\S+)`).FindSubmatch(text)
	if m == nil || string(m[1]) != Number {
		t.Errorf("CHANGELOG.md begins with %s, want %s", m, Number)
	}
}
