package engine

import (
	"handful/core/format"
	"handful/core/format/adapter"
	"handful/core/format/peft"
)

// Stack makes an inventory's files of LoRAs, each one a skill, and gives the
// skills' names.
func Stack(folders []format.Folder, splits int) (files []File, names []string, err error) {
	for i, f := range folders {
		if folders[i], err = f.Expand(); err != nil {
			return nil, nil, err
		}
	}
	inv, err := adapter.Stack(folders, splits)
	if err != nil {
		return nil, nil, err
	}
	made, err := peft.WriteInventory(inv)
	for _, f := range made {
		files = append(files, File{f.Name, f.Bytes})
	}
	return files, inv.Manifest.Tasks, err
}
