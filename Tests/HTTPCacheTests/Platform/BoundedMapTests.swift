//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCacheTesting
import Testing

@testable import HTTPCache

@Suite("Bounded map")
struct BoundedMapTests {
  @Test func elementsAreInTheOrderInWhichTheyWereLastPutIn() {
    var map = BoundedMap<String, Int>(maximumCount: 10)
    for (index, key) in ["a", "b", "c", "a", "d", "b"].enumerated() { map.append(index, for: key) }
    #expect(map.map(\.key) == ["c", "a", "d", "b"])
    #expect(map.map(\.value) == [2, 3, 4, 5])
    map["a"] = 9
    map["x"] = 1
    #expect(map.map(\.key) == ["c", "a", "d", "b"])
    #expect(map["a"] == 9)
    #expect(map["x"] == nil)
    map.prepend(7, for: "d")
    #expect(map.map(\.key) == ["d", "c", "a", "b"])
    #expect(map.popFirst()?.value == 7)
    #expect(map.first?.key == "c")
  }

  @Test func theOldestGoBeyondTheCount() {
    var map = BoundedMap<Int, Int>(maximumCount: 3)
    for key in 0..<3 { #expect(map.append(key, for: key).isEmpty) }
    #expect(map.append(3, for: 3).map(\.key) == [0])
    #expect(map.append(1, for: 1).isEmpty)
    #expect(map.append(4, for: 4).map(\.key) == [2])
    #expect(map.map(\.key) == [3, 1, 4])
    #expect(map.prepend(9, for: 9).map(\.key) == [9])
  }

  @Test func theOldestGoBeyondTheWeight() {
    var map = BoundedMap<String, Void>(maximumCount: 100, maximumWeight: 10)
    map.append((), for: "a", weight: 4)
    map.append((), for: "b", weight: 4)
    #expect(map.append((), for: "c", weight: 4).map(\.key) == ["a"])
    map.append((), for: "b", weight: 6)
    #expect(map.weight == 10)
  }

  @Test func anElementThatIsTooHeavyByItselfLeavesTheOthersAlone() {
    var map = BoundedMap<String, Int>(maximumCount: 100, maximumWeight: 10)
    for key in ["a", "b"] { map.append(1, for: key, weight: 4) }
    for _ in 0..<3 {
      #expect(map.append(2, for: "c", weight: 11).map(\.key) == ["c"])
      #expect(map.prepend(2, for: "c", weight: 11).map(\.key) == ["c"])
      #expect(map.map(\.key) == ["a", "b"] && map.weight == 8)
    }
    // It takes the place of the one before all the same, which is out of date.
    #expect(map.append(2, for: "a", weight: .max).map(\.value) == [2])
    #expect(map.map(\.key) == ["b"] && map.weight == 4)
  }

  @Test func removalLeavesNothingBehind() {
    final class Value {}
    weak var value: Value?
    var map = BoundedMap<Int, Value>(maximumCount: 4)
    do {
      let new = Value()
      value = new
      map.append(new, for: 1)
    }
    #expect(value != nil)
    map.append(Value(), for: 2)
    map.remove(1)
    #expect(value == nil)
    #expect(map.count == 1)
  }

  @Test(arguments: [1, 7, 100, 1000])
  func sameKeysAgainAndAgainTakeNoMoreMemory(keys: Int) {
    var map = BoundedMap<Int, Int>(maximumCount: 1 << 14)
    for key in 0..<keys { map.append(0, for: key) }
    let capacity = map.capacity
    for round in 0..<(200_000 / keys) {
      for key in 0..<keys {
        switch (round + key) % 3 {
        case 0: map.append(round, for: key)
        case 1:
          map.remove(key)
          map.append(round, for: key)
        default:
          if let first = map.popFirst() { map.append(first.value, for: first.key) }
        }
      }
    }
    #expect(map.count == keys)
    #expect(map.capacity <= capacity)
  }

  @Test func memoryIsGivenBackWhenMostElementsAreGone() {
    var map = BoundedMap<Int, Int>(maximumCount: 1 << 14)
    for key in 0..<10_000 { map.append(key, for: key) }
    for key in 0..<9_990 { map.remove(key) }
    #expect(map.capacity < 256)
    #expect(map.map(\.key) == Array(9_990..<10_000))
    for key in 0..<10_000 { map.append(key, for: key) }
    map.removeAll { $0.value % 5_000 != 0 }
    #expect(map.map(\.key) == [0, 5_000])
    #expect(map.capacity < 256)
    map.removeAll()
    #expect(map.isEmpty && map.capacity == 0)
  }

  @Test func elementsThatExpireInOrderGoFromTheFront() {
    var map = BoundedMap<Int, Int>(maximumCount: 100)
    for key in 0..<10 { map.append(key * 10, for: key) }
    map.removeFirst { $0.value <= 40 }
    #expect(map.map(\.key) == Array(5..<10))
  }

  @Test(arguments: 1...20 as ClosedRange<UInt64>)
  func anyHistoryEqualsThatOfAPlainList(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    var map = BoundedMap<Int, Int>(maximumCount: 40, maximumWeight: 200)
    var list: [(key: Int, value: Int, weight: Int)] = []
    func trim() -> [Int] {
      var gone: [Int] = []
      while list.count > 40 || list.reduce(0, { $0 + $1.weight }) > 200 { gone.append(list.removeFirst().key) }
      return gone
    }
    for step in 0..<3_000 {
      let key = Int.random(in: 0..<80, using: &random)
      let weight = step % 50 == 0 ? 201 : Int.random(in: 0..<12, using: &random)
      switch Int.random(in: 0..<12, using: &random) {
      case 0..<6:
        list.removeAll { $0.key == key }
        if weight <= 200 { list.append((key, step, weight)) }
        #expect(map.append(step, for: key, weight: weight).map(\.key) == (weight <= 200 ? trim() : [key]))
      case 6:
        list.removeAll { $0.key == key }
        list.insert((key, step, weight), at: 0)
        #expect(map.prepend(step, for: key, weight: weight).map(\.key) == trim())
      case 7, 8:
        list.removeAll { $0.key == key }
        map.remove(key)
      case 9:
        let first = list.isEmpty ? nil : list.removeFirst()
        #expect(map.popFirst()?.key == first?.key)
      case 10:
        if let index = list.firstIndex(where: { $0.key == key }) { list[index].value = -step }
        map[key] = -step
      default:
        guard step % 7 == 0 else { continue }
        list.removeAll { $0.key % 3 == 0 }
        map.removeAll { $0.key % 3 == 0 }
      }
      #expect(map.count == list.count)
      #expect(map.weight == list.reduce(0) { $0 + $1.weight })
      #expect(map.first?.key == list.first?.key)
    }
    #expect(map.map(\.key) == list.map(\.key))
    #expect(map.map(\.value) == list.map(\.value))
  }
}
