package ui

import "syscall/js"

func offline() js.Value { return module("offline") }

// watchOffline follows what the service worker is about.
func (b *browser) watchOffline() {
	offline().Call("watch", js.FuncOf(func(js.Value, []js.Value) any {
		s := offline().Get("state")
		now := offlineState{Ready: s.Get("ready").Bool(), Why: text(s, "why"), Update: s.Get("update").Bool(), Others: s.Get("others").Int()}
		go b.Update(func() { b.app.SetOffline(now) })
		return nil
	}))
}

// TakeUpdate implements Page.
func (b *browser) TakeUpdate() { offline().Call("take") }
