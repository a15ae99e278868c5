package main

import (
	"strings"
	"testing"
)

func TestWrite(t *testing.T) {
	var script strings.Builder
	for _, c := range changes {
		script.WriteString(c.from + "\n")
	}
	script.WriteString("   // a comment\n/*DEBUG*/ console.log(1);\n\tlet x = 1;\n")
	js, err := write([]byte(script.String()), []byte("MIT License\n"), "v1.2.3")
	if err != nil {
		t.Fatal(err)
	}
	s := string(js)
	for _, want := range []string{"v1.2.3", "// MIT License", "\nlet x = 1;\n"} {
		if !strings.Contains(s, want) {
			t.Errorf("got %s, want %q in it", s, want)
		}
	}
	for _, c := range changes {
		if strings.Contains(s, c.from+"\n") {
			t.Errorf("%q is still there", c.from)
		}
	}
	if strings.Contains(s, "DEBUG") || strings.Contains(s, "a comment") {
		t.Errorf("got %s, want neither comments nor debugging", s)
	}
	if _, err := write([]byte("let x = 1;"), nil, "v9"); err == nil || !strings.Contains(err.Error(), "want once") {
		t.Errorf("another Vugu: got %v, want a fault", err)
	}
}
