package ui

import "syscall/js"

// Facts implements Page.
func (b *browser) Facts() (f facts, err error) {
	got, err := await(module("diagnosis").Call("look"))
	if err == nil {
		err = decode(got, &f)
	}
	f.Build = js.Global().Get("handfulPage").Get("build").String()
	return f, err
}
