//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Testing

@testable import HTTPCache

@Suite("A scope of which nothing is said")
struct EmptyScopeTests {
  @Test("it is closed once, and listens to nothing from then on")
  func closing() {
    let scope = TagScope(isAmbient: false)
    #expect(scope.closeIfEmpty())
    #expect(!scope.closeIfEmpty())
    scope.add(["late"])
    scope.invalidate(CacheInvalidation(.everything))
    scope.close()
    #expect(scope.tags == nil)
    #expect(scope.outer.isEmpty)
  }

  @Test("what has been said keeps it open")
  func told() {
    let scope = TagScope(isAmbient: false)
    scope.add(["a"])
    #expect(!scope.closeIfEmpty())
    scope.add(["b"])
    #expect(scope.tags?.names == ["a", "b"])
    scope.close()
    scope.add(["c"])
    #expect(scope.tags?.names == ["a", "b"])
  }

  @Test("many who speak at once are all heard")
  func race() async {
    for _ in 0..<200 {
      let scope = TagScope(isAmbient: false)
      await withTaskGroup { group in
        for number in 0..<8 { group.addTask { scope.add(["\(number)"]) } }
      }
      #expect(Set(scope.tags?.names ?? []).count == 8)
    }
  }

  @Test("it is either closed or heard, whoever comes first")
  func closingRace() async {
    for _ in 0..<500 {
      let scope = TagScope(isAmbient: false)
      async let isClosed = scope.closeIfEmpty()
      scope.add(["a"])
      #expect(await isClosed == (scope.tags == nil))
    }
  }
}
