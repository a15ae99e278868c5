package ui

// offlineState is how the page stands to its service worker.
type offlineState struct {
	Ready  bool   // the page works without a network
	Why    string // why it will not, as a phrase; "" while it may yet
	Update bool   // a newer version waits
	Others int    // tabs that hold it up

	taken bool // the person wants it
}

// promise is what the page says of itself.
func (o *offlineState) promise() string {
	if o.Ready {
		return "Runs in this tab, offline too. Nothing leaves it."
	}
	return "Runs in this tab. Nothing leaves it."
}

// why says why the page needs the network, where that is known.
func (o *offlineState) why() string {
	if o.Ready || o.Why == "" {
		return ""
	}
	return "It needs its server: " + clip(o.Why, 200) + "."
}

// SetOffline takes what the service worker is about.
func (a *App) SetOffline(now offlineState) {
	o := &a.offline
	news := now.Update && !o.Update
	now.taken = o.taken && now.Others == 0
	*o = now
	if news {
		a.say("A new version of the page is ready")
	}
}

// updateText says what changing over to the newer version takes.
func (a *App) updateText() string {
	s := "A new version is ready. "
	switch {
	case a.run.phase != idle:
		return s + "It can be taken once adapting has ended."
	case a.offline.Others > 0:
		return s + "Close the " + plural(a.offline.Others, "other tab") + " of this page first, then reload."
	case a.losing():
		return s + "Reload to use it; export the adapter first, or it is lost."
	}
	return s + "Reload to use it."
}

// TakeUpdate changes over to the newer version, never while adapting.
func (a *App) TakeUpdate() {
	if a.offline.Update && a.run.phase == idle {
		a.offline.taken = true
		a.page.TakeUpdate()
	}
}
