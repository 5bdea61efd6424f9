package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
)

// TenantLimits are a tenant's own limits. An absent one is that of the
// tenant's tier; 0 is a value like others.
type TenantLimits struct {
	// RequestsPerMinute is the sustained rate in units, from 1 to 100,000,000.
	RequestsPerMinute *int `json:"requests_per_minute,omitempty"`
	// Burst is how many units may come at once, from the cost of the dearest
	// route to 100,000,000.
	Burst *int `json:"burst,omitempty"`
	// Concurrent requests at a time, from 1 to 1,000,000.
	Concurrent *int `json:"concurrent,omitempty"`
	// MaxBody in bytes, from 1,024 to what the gateway takes in at all.
	MaxBody *int64 `json:"max_body,omitempty"`
	// MonthlyUnits per calendar month (UTC); 0 for no quota.
	MonthlyUnits *int64 `json:"monthly_units,omitempty"`
	// Weight is the share in the hold queue, relative to other tenants, from 1
	// to 10,000.
	Weight *int `json:"weight,omitempty"`
}

// TenantLimitsChange changes a tenant's own limits: an absent field leaves
// one as it is, null gives it back to the tier, a number sets it.
type TenantLimitsChange struct {
	RequestsPerMinute Change[int]   `json:"requests_per_minute,omitzero"`
	Burst             Change[int]   `json:"burst,omitzero"`
	Concurrent        Change[int]   `json:"concurrent,omitzero"`
	MaxBody           Change[int64] `json:"max_body,omitzero"`
	// MonthlyUnits of 0 are no quota.
	MonthlyUnits Change[int64] `json:"monthly_units,omitzero"`
	Weight       Change[int]   `json:"weight,omitzero"`
}

// Apply returns l with the change made; nothing is shared with either.
func (c TenantLimitsChange) Apply(l TenantLimits) TenantLimits {
	return TenantLimits{
		RequestsPerMinute: c.RequestsPerMinute.apply(l.RequestsPerMinute),
		Burst:             c.Burst.apply(l.Burst),
		Concurrent:        c.Concurrent.apply(l.Concurrent),
		MaxBody:           c.MaxBody.apply(l.MaxBody),
		MonthlyUnits:      c.MonthlyUnits.apply(l.MonthlyUnits),
		Weight:            c.Weight.apply(l.Weight),
	}
}

// OwnLimits returns what a new tenant has of its own.
func (r *CreateTenantRequest) OwnLimits() TenantLimits {
	return changedLimits(TenantLimits{}, r.Limits)
}

// ApplyLimits returns what a tenant's own limits are after the request: null
// for all of them gives all back to the tier.
func (r *UpdateTenantRequest) ApplyLimits(l TenantLimits) TenantLimits {
	return changedLimits(l, r.Limits)
}

func changedLimits(l TenantLimits, c Change[TenantLimitsChange]) TenantLimits {
	switch {
	case !c.Given:
		return l
	case c.Value == nil:
		return TenantLimits{}
	}
	return c.Value.Apply(l)
}

// Change is a field of a body that changes something, and tells null from
// absent.
type Change[T any] struct {
	// Given says that the field is there.
	Given bool
	// Value is nil for null.
	Value *T
}

// To is the change that sets a field to v.
func To[T any](v T) Change[T] { return Change[T]{Given: true, Value: &v} }

// Cleared is the change that takes a field's value away.
func Cleared[T any]() Change[T] { return Change[T]{Given: true} }

func (c Change[T]) apply(was *T) *T {
	from := was
	if c.Given {
		from = c.Value
	}
	if from == nil {
		return nil
	}
	v := *from
	return &v
}

// IsZero reports whether the field is absent.
func (c Change[T]) IsZero() bool { return !c.Given }

// MarshalJSON writes the value or null; an absent field needs omitzero.
func (c Change[T]) MarshalJSON() ([]byte, error) { return json.Marshal(c.Value) }

// UnmarshalJSON reads a value or null, with no fields that T does not have.
func (c *Change[T]) UnmarshalJSON(data []byte) error {
	*c = Change[T]{Given: true}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&c.Value); err != nil {
		return err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("api: more than one JSON value")
	}
	return nil
}
