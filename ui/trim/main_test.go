package main

import (
	"strings"
	"testing"
)

func TestTrim(t *testing.T) {
	const blank = "\t\tvgn = &vugu.VGNode{Type: vugu.VGNodeType(1), Data: \"\\n  \"}\n\t\tvgparent.AppendChild(vgn)\n"
	const word = "\t\tvgn = &vugu.VGNode{Type: vugu.VGNodeType(1), Data: \" \"}\n\t\tvgparent.AppendChild(vgn)\n"
	const element = "\t\tvgn = &vugu.VGNode{Type: vugu.VGNodeType(3), Data: \"p\"}\n\t\tvgparent.AppendChild(vgn)\n"
	const begin = "\t\tvgparent := vgn\n\t\t_ = vgparent\n"
	in := begin + blank + element + blank + word + element + blank + "\t}\n"
	want := strings.ReplaceAll(begin+blank+element+word+element+"\t}\n", "vgparent.AppendChild(vgn)", "attach(vgparent, vgn)")
	for _, src := range []string{in, want} {
		if got, err := trim([]byte(src)); err != nil || string(got) != want {
			t.Errorf("got %v\n%s\nwant\n%s", err, got, want)
		}
	}
	if _, err := trim([]byte(begin + "\t\tif c.Shown {\n" + element + "\t\t}\n")); err == nil {
		t.Error("an only child that may go: got no fault")
	}
}
