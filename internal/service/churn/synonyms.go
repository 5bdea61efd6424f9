package churn

import (
	"strings"

	"github.com/omni-run/omni/internal/ml/churn"
)

// synonyms lists, for each feature of the shipped prior, other names in use.
// Names are compared in lower case with every run of other characters as "_".
var synonyms = map[string][]string{
	"recency_days": {
		"recency", "days_since_last_purchase", "days_since_last_order", "days_since_purchase", "days_since_order", "last_purchase_days",
		"last_order_days", "last_purchase_days_ago", "last_order_days_ago", "days_since_last_transaction", "days_since_last_activity",
		"days_since_last_login", "last_login_days", "last_login_days_ago", "days_since_login", "last_activity_days", "last_seen_days",
		"days_since_last_seen", "inactive_days", "days_inactive",
	},
	"frequency": {
		"orders", "order_count", "orders_count", "total_orders", "number_of_orders", "num_orders", "purchases", "purchase_count",
		"total_purchases", "number_of_purchases", "num_purchases", "purchase_frequency", "transactions", "transaction_count", "lifetime_orders",
	},
	"monetary": {
		"monetary_value", "total_spent", "total_spend", "amount_spent", "spend", "revenue", "total_revenue", "lifetime_value", "ltv", "clv",
		"customer_lifetime_value", "lifetime_spend", "total_amount",
	},
	"average_order_value": {"avg_order_value", "aov", "mean_order_value", "average_basket", "avg_basket", "average_purchase_value", "avg_purchase_value"},
	"days_between_orders": {
		"avg_days_between_orders", "average_days_between_orders", "avg_days_between_purchases", "average_days_between_purchases",
		"days_between_purchases", "purchase_interval_days", "interpurchase_days",
	},
	"orders_last_90_days": {"orders_90d", "orders_last_90d", "purchases_last_90_days", "purchases_90d", "recent_orders", "recent_purchases"},
	"tenure_days": {
		"tenure", "customer_age_days", "account_age_days", "days_since_first_purchase", "days_since_first_order", "days_since_signup",
		"days_as_customer", "account_age",
	},
}

// understood is what the prior makes of a caller's features.
type understood struct {
	row churn.Row
	// from tells which of the caller's features stands behind the prior's.
	from map[string]string
	// unused are the caller's features that it could not use, sorted by the
	// caller's map order beforehand.
	unused []string
	read   []string // "caller's name as prior's name", where they differ
}

// understand maps a caller's features to those of the prior. names is the
// order in which they are looked at; the first that fits a feature wins.
func understand(row churn.Row, names []string) understood {
	u := understood{row: churn.Row{}, from: map[string]string{}}
	for _, name := range names {
		v := row[name]
		feature, ok := canonical(name)
		_, taken := u.row[feature]
		if !ok || taken || v.Kind != churn.Number || v.Number < 0 {
			if v.Kind != churn.Missing {
				u.unused = append(u.unused, name)
			}
			continue
		}
		u.row[feature], u.from[feature] = v, name
		if name != feature {
			u.read = append(u.read, name+" as "+feature)
		}
	}
	u.derive()
	return u
}

// derive works out features that follow from others.
func (u *understood) derive() {
	number := func(name string) (float64, bool) {
		v, ok := u.row[name]
		return v.Number, ok
	}
	set := func(name string, v float64) {
		if _, ok := u.row[name]; !ok {
			u.row[name] = churn.Value{Kind: churn.Number, Number: v}
		}
	}
	orders, hasOrders := number("frequency")
	spent, hasSpent := number("monetary")
	each, hasEach := number("average_order_value")
	switch {
	case hasOrders && hasSpent && orders > 0:
		set("average_order_value", spent/orders)
	case hasOrders && hasEach && each*orders < 1e15:
		set("monetary", each*orders)
	}
	tenure, hasTenure := number("tenure_days")
	recency, hasRecency := number("recency_days")
	if hasTenure && hasRecency && hasOrders && orders >= 2 && tenure >= recency {
		set("days_between_orders", (tenure-recency)/(orders-1))
	}
}

func canonical(name string) (string, bool) {
	name = normal(name)
	for feature, others := range synonyms {
		if name == feature {
			return feature, true
		}
		for _, other := range others {
			if name == other {
				return feature, true
			}
		}
	}
	return "", false
}

// normal writes a name in snake case.
func normal(name string) string {
	var b strings.Builder
	lower := false
	for _, r := range name {
		switch {
		case r >= 'A' && r <= 'Z':
			if lower {
				b.WriteByte('_')
			}
			b.WriteRune(r + 'a' - 'A')
			lower = false
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			b.WriteRune(r)
			lower = true
		default:
			if b.Len() > 0 {
				b.WriteByte('_')
			}
			lower = false
		}
	}
	out := b.String()
	for strings.Contains(out, "__") {
		out = strings.ReplaceAll(out, "__", "_")
	}
	return strings.Trim(out, "_")
}
