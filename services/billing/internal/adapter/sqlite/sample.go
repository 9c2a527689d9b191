package sqlite

import (
	"fmt"
	"math/rand/v2"
	"time"

	"example.com/baton/services/billing/internal/domain"
)

// sampleSize is how much sample data is made: at most one customer per name.
type sampleSize struct{ customers, subscriptions int }

var fullSample = sampleSize{customers: 1200, subscriptions: 3000}

// sample is made-up data of a plausible business, laid around the day it is made: periods that started in the three
// days up to it wait for their invoice, as some do on every day to come, and of the invoices that are past their due
// date some are still open. The same day gives the same data.
type sample struct {
	customers     []domain.Customer
	subscriptions []domain.Subscription
	invoices      []domain.Invoice // of each subscription's last invoiced period; older ones are left out
}

// markets are the places the customers come from, with the price of the smallest plan per month.
var markets = []struct {
	zone, form, price string
	weight            int
}{
	{"Europe/Berlin", "GmbH", "19.00 EUR", 26},
	{"Europe/Paris", "SARL", "19.00 EUR", 10},
	{"Europe/London", "Ltd", "17.00 GBP", 12},
	{"Europe/Zurich", "AG", "21.00 CHF", 6},
	{"America/New_York", "Inc", "21.00 USD", 12},
	{"America/Los_Angeles", "LLC", "21.00 USD", 9},
	{"America/Sao_Paulo", "Ltda", "99.00 BRL", 5},
	{"America/Santiago", "SpA", "17900 CLP", 3},
	{"Asia/Tokyo", "KK", "2900 JPY", 6},
	{"Asia/Kolkata", "Pvt Ltd", "1499.00 INR", 4},
	{"Asia/Bahrain", "WLL", "7.500 BHD", 2},
	{"Australia/Sydney", "Pty Ltd", "29.00 AUD", 3},
	{"Pacific/Auckland", "Ltd", "32.00 NZD", 2},
}

var (
	firstWords = []string{"Alder", "Amber", "Birch", "Blue Door", "Bright", "Cedar", "Chalk", "Clover", "Copper", "Coral", "Crescent", "Dune",
		"Elm Street", "Fern", "Flint", "Garnet", "Granite", "Harbour", "Hazel", "Heron", "Indigo", "Iron Bridge", "Juniper", "Kestrel", "Lantern",
		"Larch", "Linden", "Maple", "Marble", "Meridian", "North Quay", "Oak Row", "Old Mill", "Pebble", "Quarry", "Rowan", "Saffron", "Slate",
		"Tern", "Willow"}
	trades = []string{"Architects", "Audio", "Bakery", "Bikes", "Books", "Brewing", "Carpentry", "Catering", "Ceramics", "Clinic", "Coffee",
		"Couriers", "Dental", "Design", "Drones", "Electric", "Farms", "Films", "Fitness", "Flooring", "Foods", "Freight", "Games", "Gardens",
		"Glass", "Heating", "Hotels", "Instruments", "Joinery", "Labs", "Legal", "Logistics", "Optics", "Outdoor", "Paper", "Pharmacy",
		"Robotics", "Sailing", "Textiles", "Tools"}
	plans = []struct {
		name   string
		factor int64
	}{{"Starter", 1}, {"Team", 3}, {"Business", 10}}
	terms   = []int{7, 14, 14, 14, 30, 30}
	periods = []domain.Period{domain.Monthly, domain.Monthly, domain.Monthly, domain.Monthly, domain.Monthly, domain.Monthly, domain.Quarterly, domain.Yearly}
	// Many people pay on the first; the end of the month is where the rules are hard.
	anchors = []int{1, 1, 1, 5, 10, 15, 15, 20, 25, 28, 29, 30, 31}
)

func newSample(now time.Time, size sampleSize) (sample, error) {
	utc, err := domain.ParseZone("UTC")
	if err != nil {
		return sample{}, err
	}
	g := &generator{Rand: rand.New(rand.NewPCG(2026, 11)), now: now, today: utc.DateAt(now)}
	names := g.Perm(len(firstWords) * len(trades))
	for n := range size.customers {
		if err := g.addCustomer(n, names[n]); err != nil {
			return sample{}, err
		}
	}
	for n := range size.subscriptions {
		if err := g.addSubscription(n); err != nil {
			return sample{}, err
		}
	}
	return g.sample, nil
}

type generator struct {
	*rand.Rand
	sample
	now    time.Time
	today  domain.Date
	prices []domain.Money // of the smallest plan, by customer
}

func one[T any](g *generator, of []T) T { return of[g.IntN(len(of))] }

// percent is true in p of 100 cases.
func (g *generator) percent(p int) bool { return g.IntN(100) < p }

func (g *generator) addCustomer(n, name int) error {
	// The weights add up to 100.
	at, m := g.IntN(100), 0
	for at >= markets[m].weight {
		at -= markets[m].weight
		m++
	}
	zone, err := domain.ParseZone(markets[m].zone)
	if err != nil {
		return err
	}
	price, err := domain.ParseMoney(markets[m].price)
	if err != nil {
		return err
	}
	c, err := domain.NewCustomer(domain.CustomerParams{
		ID:    fmt.Sprintf("c-%04d", n+1),
		Name:  firstWords[name%len(firstWords)] + " " + trades[name/len(firstWords)] + " " + markets[m].form,
		Zone:  zone,
		Terms: one(g, terms),
	})
	g.customers, g.prices = append(g.customers, c), append(g.prices, price)
	return err
}

func (g *generator) addSubscription(n int) error {
	owner := n
	if n >= len(g.customers) {
		owner = g.IntN(len(g.customers))
	}
	plan, period := one(g, plans), one(g, periods)
	// Two months of a yearly plan are free.
	months := min(int64(period), 10)
	price, err := domain.NewMoney(g.prices[owner].Minor()*plan.factor*months, g.prices[owner].Currency())
	if err != nil {
		return err
	}
	p := domain.SubscriptionParams{
		ID:        fmt.Sprintf("s-%05d", n+1),
		Customer:  g.customers[owner],
		Plan:      plan.name,
		Price:     price,
		Period:    period,
		AnchorDay: one(g, anchors),
		Start:     g.today.AddDays(20 - g.IntN(1100)),
	}
	if g.percent(50) {
		p.AnchorDay = 1 + g.IntN(28)
	}
	if g.percent(8) {
		p.CancelOn = p.Start.AddDays(g.IntN(1200))
	}
	cycle, err := domain.NewCycle(p.Period, p.AnchorDay, p.Start)
	if err != nil {
		return err
	}
	next, waiting := 0, g.today.AddDays(-2)
	for d := cycle.Start(0); d.Before(waiting) && (p.CancelOn.IsZero() || d.Before(p.CancelOn)); d = cycle.Start(next) {
		next++
	}
	s, err := domain.RestoreSubscription(p, next)
	if err != nil {
		return err
	}
	g.subscriptions = append(g.subscriptions, s)
	if next == 0 {
		return nil
	}
	return g.addLastInvoice(p, next-1, cycle.Start(next-1))
}

func (g *generator) addLastInvoice(p domain.SubscriptionParams, n int, start domain.Date) error {
	s, err := domain.RestoreSubscription(p, n)
	if err != nil {
		return err
	}
	day, err := time.Parse(time.DateOnly, start.String())
	if err != nil {
		return err
	}
	var issued []domain.Invoice
	for ; len(issued) == 0 && day.Before(g.now); day = day.AddDate(0, 0, 1) {
		issued, _ = s.Bill(day)
	}
	for _, inv := range issued {
		due := inv.Record().DueOn
		late, old := due.Before(g.today), due.Before(g.today.AddDays(-60))
		switch {
		case late && g.percent(3):
			inv, err = inv.Void()
		// What is older than two months has been settled one way or the other.
		case old, late && g.percent(85), !late && g.percent(45):
			inv, err = inv.Pay()
		}
		if err != nil {
			return err
		}
		g.invoices = append(g.invoices, inv)
	}
	return nil
}
