package cli

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/omni-run/omni/api"
)

// tiersWord is what a limit's flag is given to have the tier's again.
const tiersWord = "tier"

// limitFlags are the flags of a tenant's own limits, one each, and, for a
// tenant that has some, one that takes all of them away.
type limitFlags struct {
	change api.TenantLimitsChange
	none   bool
}

func (f *limitFlags) register(cmd *cobra.Command) {
	c, flags := &f.change, cmd.Flags()
	for _, x := range []struct {
		name, usage string
		value       flagValue
	}{
		{"requests-per-minute", "its own units a minute", &limitValue[int]{&c.RequestsPerMinute}},
		{"burst", "its own units at once", &limitValue[int]{&c.Burst}},
		{"concurrent", "its own calls at a time", &limitValue[int]{&c.Concurrent}},
		{"max-body", "its own bytes of a body", &limitValue[int64]{&c.MaxBody}},
		{"monthly-units", "its own units a month, 0 for no quota", &limitValue[int64]{&c.MonthlyUnits}},
		{"weight", "its own share in the queue", &limitValue[int]{&c.Weight}},
	} {
		flags.Var(x.value, x.name, x.usage+`; "`+tiersWord+`" for the tier's`)
	}
}

func (f *limitFlags) registerNone(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&f.none, "tier-limits", false, "all limits are the tier's again")
}

// request is the change that the flags ask for.
func (f *limitFlags) request() (api.Change[api.TenantLimitsChange], error) {
	some := f.change != api.TenantLimitsChange{}
	switch {
	case f.none && some:
		return api.Change[api.TenantLimitsChange]{}, usagef("--tier-limits takes every limit of its own away: give no other limit beside it")
	case f.none:
		return api.Cleared[api.TenantLimitsChange](), nil
	case some:
		return api.To(f.change), nil
	}
	return api.Change[api.TenantLimitsChange]{}, nil
}

// flagValue is what cobra's flags are read into.
type flagValue interface {
	String() string
	Set(text string) error
	Type() string
}

// limitValue reads one limit's flag.
type limitValue[T int | int64] struct{ change *api.Change[T] }

// Set implements flagValue.
func (v *limitValue[T]) Set(text string) error {
	if text == tiersWord {
		*v.change = api.Cleared[T]()
		return nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return fmt.Errorf(`give a whole number, or "%s" for the tier's`, tiersWord)
	}
	*v.change = api.To(T(n))
	return nil
}

// String implements flagValue.
func (v *limitValue[T]) String() string {
	switch {
	case v.change == nil || !v.change.Given:
		return ""
	case v.change.Value == nil:
		return tiersWord
	}
	return strconv.FormatInt(int64(*v.change.Value), 10)
}

// Type implements flagValue.
func (v *limitValue[T]) Type() string { return "number" }

// limitsText lists a tenant's own limits in one cell.
func limitsText(l api.TenantLimits) string {
	var parts []string
	add := func(name string, n *int64) {
		if n != nil {
			parts = append(parts, name+"="+strconv.FormatInt(*n, 10))
		}
	}
	add("requests_per_minute", wide(l.RequestsPerMinute))
	add("burst", wide(l.Burst))
	add("concurrent", wide(l.Concurrent))
	add("max_body", l.MaxBody)
	add("monthly_units", l.MonthlyUnits)
	add("weight", wide(l.Weight))
	return strings.Join(parts, " ")
}

func wide(n *int) *int64 {
	if n == nil {
		return nil
	}
	v := int64(*n)
	return &v
}
