package engine

import (
	"handful/core/format"
	"handful/core/format/adapter"
)

// Sorted are the places of files by what they are for; a zip may be in both.
type Sorted struct {
	Base      []int `json:"base"`
	Inventory []int `json:"inventory"`
}

// Sort tells the files of a base from those of skills, by their content.
func Sort(f format.Folder) (Sorted, error) {
	s := Sorted{Base: []int{}, Inventory: []int{}}
	roles, err := adapter.Sort(f)
	for i, r := range roles {
		if r.Base {
			s.Base = append(s.Base, i)
		}
		if r.Skills {
			s.Inventory = append(s.Inventory, i)
		}
	}
	return s, err
}
