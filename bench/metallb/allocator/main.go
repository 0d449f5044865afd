// Command allocator times decisions of MetalLB's allocator in one situation, which it reads as
// JSON from standard input, and prints how many a second it makes. bench/allocation/measure.ts
// does the same with ours: what is timed, and how, must stay the same in both.
//
// It stands here without a module of its own: MetalLB's packages are internal, so it is built
// inside a copy of the module (bench/metallb/programs.ts).
package main

import (
	"encoding/json"
	"fmt"
	"math/big"
	"net"
	"os"
	"time"

	"go.universe.tf/metallb/internal/allocator"
	"go.universe.tf/metallb/internal/config"
	"go.universe.tf/metallb/internal/ipfamily"
	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	timed  = 400 * time.Millisecond
	stride = 7919
)

type situation struct {
	Pools [][]string `json:"pools"`
	Held  []struct {
		First string `json:"first"`
		Count int64  `json:"count"`
		Step  int64  `json:"step"`
	} `json:"held"`
	Work string `json:"work"`
	Fill int    `json:"fill"`
}

type desk struct {
	allocator *allocator.Allocator
	family    ipfamily.Family
	holders   []string
	turn      int
	asked     int
}

var ports = []allocator.Port{{Proto: "TCP", Port: 80}}

func main() {
	var s situation
	check(json.NewDecoder(os.Stdin).Decode(&s))
	fmt.Println(decisionsPerSecond(s))
}

func decisionsPerSecond(s situation) float64 {
	d := newDesk(s)
	switch s.Work {
	case "fill":
		start := time.Now()
		for range s.Fill {
			check(d.grant())
		}
		return float64(s.Fill) / time.Since(start).Seconds()
	case "refusal":
		return d.repeat(func() {
			if d.grant() == nil {
				panic("there should be no free address")
			}
		})
	default:
		return d.repeat(func() { check(d.turnOver()) })
	}
}

func newDesk(s situation) *desk {
	d := &desk{allocator: allocator.New(func(string) {}), family: ipfamily.IPv4}
	pools := &config.Pools{ByName: map[string]*config.Pool{}}
	for at, ranges := range s.Pools {
		name := fmt.Sprintf("pool-%04d", at)
		pool := &config.Pool{Name: name, AutoAssign: true}
		for _, text := range ranges {
			_, cidr, err := net.ParseCIDR(text)
			check(err)
			pool.CIDR = append(pool.CIDR, cidr)
			d.family = ipfamily.ForCIDR(cidr)
		}
		pools.ByName[name] = pool
	}
	d.allocator.SetPools(pools)
	for _, held := range s.Held {
		address := net.ParseIP(held.First)
		for range held.Count {
			key := fmt.Sprintf("bench/held-%d", len(d.holders))
			check(d.allocator.Assign(key, service(key), []net.IP{address}, ports, "", ""))
			d.holders = append(d.holders, key)
			address = plus(address, held.Step)
		}
	}
	return d
}

// grant has a new Service ask for an address.
func (d *desk) grant() error {
	d.asked++
	key := fmt.Sprintf("bench/asking-%d", d.asked)
	_, err := d.allocator.Allocate(key, service(key), d.family, ports, "", "")
	if err == nil && len(d.holders) > 0 {
		d.holders[d.turn] = key
	}
	return err
}

// turnOver has one Service go, each time another one, and a new one come.
func (d *desk) turnOver() error {
	d.turn = (d.turn + stride) % len(d.holders)
	d.allocator.Unassign(d.holders[d.turn])
	return d.grant()
}

// repeat does it again and again, first to warm up, and returns how often a second.
func (d *desk) repeat(once func()) float64 {
	repeatFor(timed/2, once)
	return repeatFor(timed, once)
}

func repeatFor(duration time.Duration, once func()) float64 {
	start := time.Now()
	count, batch := 0, 1
	for time.Since(start) < duration {
		for range batch {
			once()
		}
		count += batch
		batch = min(1000, batch*2)
	}
	return float64(count) / time.Since(start).Seconds()
}

func service(key string) *v1.Service {
	return &v1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: "bench", Name: key},
		Spec:       v1.ServiceSpec{Ports: []v1.ServicePort{{Protocol: "TCP", Port: 80}}},
	}
}

func plus(address net.IP, step int64) net.IP {
	sum := new(big.Int).Add(new(big.Int).SetBytes(address.To16()), big.NewInt(step))
	return sum.FillBytes(make([]byte, net.IPv6len))
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
