package engine

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"path"
	"sync"

	"handful/core/fault"
	"handful/core/format"
	"handful/core/format/peft"
	"handful/core/share"
)

// weightsID hashes a base's files when it is first asked, for that reads all of
// them.
type weightsID struct {
	name  string
	files format.Folder
	once  sync.Once
	got   share.Weights
	err   error
}

// summed is a Blob whose sha256 is known, as that of a checked download.
type summed interface{ SHA256() string }

func (w *weightsID) get() (share.Weights, error) {
	w.once.Do(func() {
		w.got.Name = w.name
		if len(w.files) == 1 {
			w.got.SHA256, w.err = hashOf(w.files[0])
			return
		}
		all := sha256.New()
		for _, b := range w.files {
			h, err := hashOf(b)
			if err != nil {
				w.err = err
				return
			}
			fmt.Fprintf(all, "%s  %s\n", h, path.Base(b.Name))
		}
		w.got.SHA256 = hex.EncodeToString(all.Sum(nil))
	})
	return w.got, w.err
}

func hashOf(b format.NamedBlob) (string, error) {
	if s, ok := b.Blob.(summed); ok && s.SHA256() != "" {
		return s.SHA256(), nil
	}
	h := sha256.New()
	if _, err := io.CopyBuffer(h, io.NewSectionReader(b, 0, b.Size()), make([]byte, 1<<20)); err != nil {
		return "", fault.From("read", err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// Identity names the open weights by the sha256 of their files (of a model in
// parts, that of the lines "SHA256  NAME"); the inventory's is nil without one.
// The first call reads the base's.
func (e *Engine) Identity() (base share.Weights, inventory *share.Weights, err error) {
	base, err = e.baseID.get()
	return base, e.invID, err
}

// identify prepares Identity. The inventory's weights have just been read, and
// whoever opened it may close its files. A GGUF file goes by its own name, for what it
// says inside is often that of a checkpoint on the way; a folder may not say
// what its model is called, then the inventory may.
func (e *Engine) identify(inventory format.Folder) error {
	if e.baseID == nil {
		e.baseID = &weightsID{name: e.info.Model, files: e.ckpt.Parts}
		switch {
		case e.ckpt.GGUF != nil:
			e.baseID.name = path.Base(e.ckpt.Parts[0].Name)
		case e.info.Model == e.ckpt.Config.ModelType && e.inv != nil && e.inv.Base != "":
			e.baseID.name = e.inv.Base
		}
	}
	if e.inv == nil {
		return nil
	}
	files := append(inventory.Kind("safetensors"), inventory.Kind("pickle")...) // LoRAs as skills, a checkpoint of mttl
	if b, err := peft.SkillsFile(inventory); err == nil {
		files = format.Folder{b}
	}
	id := weightsID{name: e.info.Inventory.Name, files: files}
	got, err := id.get()
	e.invID = &got
	return err
}
