package authn

import "fmt"

// CheckSnapshot validates every row and that the rows fit together. Its error
// wraps ErrContent, says which row is wrong, and holds no hash.
func CheckSnapshot(s *Snapshot) error {
	tenants := make(map[string]bool, len(s.Tenants))
	for i := range s.Tenants {
		t := &s.Tenants[i]
		if err := t.Validate(); err != nil {
			return fmt.Errorf("%w: tenants[%d]: %w", ErrContent, i, err)
		}
		if tenants[t.ID] {
			return fmt.Errorf("%w: tenants[%d]: %s is there twice", ErrContent, i, t.ID)
		}
		tenants[t.ID] = true
	}
	keys := make(map[string]bool, len(s.Keys))
	for i := range s.Keys {
		k := &s.Keys[i]
		if err := k.Validate(); err != nil {
			return fmt.Errorf("%w: keys[%d]: %w", ErrContent, i, err)
		}
		if keys[k.ID] {
			return fmt.Errorf("%w: keys[%d]: %s is there twice", ErrContent, i, k.ID)
		}
		if !tenants[k.Tenant] {
			return fmt.Errorf("%w: keys[%d]: %s belongs to tenant %s, which is not there", ErrContent, i, k.ID, k.Tenant)
		}
		keys[k.ID] = true
	}
	return nil
}
