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
	if got := string(trim([]byte(in))); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := string(trim([]byte(want))); got != want {
		t.Errorf("a second time: got\n%s", got)
	}
}
