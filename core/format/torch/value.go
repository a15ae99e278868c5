package torch

// Values besides Go's own.
type (
	// List and Dict are shared where a file says so, and may hold themselves.
	List struct{ Items []any }
	// Tuple is a tuple or torch.Size.
	Tuple []any
	// Opaque is a value that is of no use here: a dtype, a device, a number
	// beyond 64 bits (as its bytes), a set.
	Opaque string
)

// Dict is a dict in the order of its keys. Keys that are no strings are kept
// but not found.
type Dict struct {
	Keys   []any
	Values []any
	at     map[string]int
}

// Set puts a value under a key, in the place of an earlier one.
func (d *Dict) Set(k, v any) {
	s, ok := k.(string)
	if i, have := d.at[s]; ok && have {
		d.Values[i] = v
		return
	}
	if ok {
		if d.at == nil {
			d.at = map[string]int{}
		}
		d.at[s] = len(d.Keys)
	}
	d.Keys, d.Values = append(d.Keys, k), append(d.Values, v)
}

// Get is the value of a key, nil where there is none.
func (d *Dict) Get(key string) any {
	if d == nil {
		return nil
	}
	if i, ok := d.at[key]; ok {
		return d.Values[i]
	}
	return nil
}

// Dict is the dict of a key, nil where there is none.
func (d *Dict) Dict(key string) *Dict { v, _ := d.Get(key).(*Dict); return v }

// String, Number and Bool are values of a key; ok is false where it is missing
// or of another type.
func (d *Dict) String(key string) (v string, ok bool) { v, ok = d.Get(key).(string); return v, ok }
func (d *Dict) Bool(key string) (v, ok bool)          { v, ok = d.Get(key).(bool); return v, ok }
func (d *Dict) Number(key string) (float64, bool) {
	switch v := d.Get(key).(type) {
	case int64:
		return float64(v), true
	case float64:
		return v, true
	}
	return 0, false
}
