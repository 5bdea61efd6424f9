package main

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// features are the model's columns, and whether more of one can only raise
// (+1) or lower (-1) the risk. Days since the first order are not among them:
// the data set begins for every customer in December 2010, so they would tell
// the date rather than the customer.
var features = []struct {
	name      string
	direction int
}{
	{"recency_days", 1},
	{"frequency", -1},
	{"monetary", -1},
	{"average_order_value", 0},
	{"days_between_orders", 0},
	{"orders_last_90_days", -1},
}

func monotone() []int {
	out := make([]int, len(features))
	for i, f := range features {
		out[i] = f.direction
	}
	return out
}

type order struct {
	at    time.Time
	value float64
}

type customer struct {
	id     int
	orders []order // by time
}

// at returns the customer's features on a day and whether no order follows
// within the horizon; ok is false before its first order.
func (c *customer) at(day time.Time) (row []float64, churned, ok bool) {
	var past []order
	churned = true
	var spent float64
	recent := 0
	for _, o := range c.orders {
		switch {
		case o.at.Before(day):
			past = append(past, o)
			spent += o.value
			if day.Sub(o.at) <= horizon {
				recent++
			}
		case o.at.Before(day.Add(horizon)):
			churned = false
		}
	}
	if len(past) == 0 {
		return nil, false, false
	}
	days := func(d time.Duration) float64 { return d.Hours() / 24 }
	first, last, n := past[0].at, past[len(past)-1].at, float64(len(past))
	between := days(day.Sub(first)) // of a single order: how long none has followed
	if n > 1 {
		between = days(last.Sub(first)) / (n - 1)
	}
	return []float64{days(day.Sub(last)), n, spent, spent / n, between, float64(recent)}, churned, true
}

// readOrders adds up the lines of each invoice with a known customer, without
// cancellations and returns, and returns the customers by id.
func readOrders(path string) ([]*customer, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	z, err := gzip.NewReader(file)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	type invoice struct {
		customer int
		order
	}
	invoices := map[string]*invoice{}
	lines := bufio.NewScanner(z)
	for n := 1; lines.Scan(); n++ {
		f := strings.Split(lines.Text(), "\t")
		if n == 1 || len(f) < 6 || f[5] == "" || strings.HasPrefix(f[0], "C") {
			continue
		}
		id, err := strconv.ParseFloat(f[5], 64)
		if err != nil {
			continue // a line without a customer
		}
		quantity, err1 := strconv.ParseFloat(f[2], 64)
		at, err2 := time.Parse("2006-01-02 15:04", f[3])
		price, err3 := strconv.ParseFloat(f[4], 64)
		if err := errors.Join(err1, err2, err3); err != nil {
			return nil, fmt.Errorf("%s line %d: %w", path, n, err)
		}
		if quantity <= 0 || price <= 0 {
			continue
		}
		i := invoices[f[0]]
		if i == nil {
			i = &invoice{customer: int(id), order: order{at: at}}
			invoices[f[0]] = i
		}
		i.value += quantity * price
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	byID := map[int]*customer{}
	for _, number := range slices.Sorted(maps.Keys(invoices)) {
		i := invoices[number]
		c := byID[i.customer]
		if c == nil {
			c = &customer{id: i.customer}
			byID[i.customer] = c
		}
		c.orders = append(c.orders, i.order)
	}
	var out []*customer
	for _, id := range slices.Sorted(maps.Keys(byID)) {
		c := byID[id]
		slices.SortStableFunc(c.orders, func(a, b order) int { return a.at.Compare(b.at) })
		out = append(out, c)
	}
	return out, nil
}
