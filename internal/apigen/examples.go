package main

import (
	"fmt"
	"strings"
)

// Bodies that are too long to stand beside their operations.
var (
	churnTrainExample = `{"rows":[` + churnRows(20) + `]}`
	modelTrainExample = `{"kind":"churn","spec":` + churnTrainExample + `}`
)

// churnRows are customers as few as training takes. Those who stay away for
// long tend to have left, but not all of them.
func churnRows(n int) string {
	rows := make([]string, n)
	for i := range rows {
		days := 5 + 17*i%90
		rows[i] = fmt.Sprintf(`{"user_id":"u%d","features":{"days_since_last_purchase":%d,"purchase_count":%d},"churned":%t}`, i+1, days, 1+7*i%12, days > 60 && i%7 != 0)
	}
	return strings.Join(rows, ",")
}
