//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

@testable import HTTPCache

/// Remembers, without keeping them, what must not outlive its use.
struct Traces {
  private struct Weak {
    weak var object: AnyObject?
    let name: String
  }

  private var objects: [Weak] = []
  private var known: Set<ObjectIdentifier> = []

  mutating func note(_ cache: CacheLayer) { objects.append(Weak(object: cache, name: "a cache")) }

  mutating func note(_ flights: [Flight]) {
    for flight in flights where known.insert(ObjectIdentifier(flight)).inserted {
      objects.append(Weak(object: flight, name: "the flight for \(flight.key)"))
    }
  }

  /// What is there still.
  var remains: [String] { objects.filter { $0.object != nil }.map { "\($0.name) is there still" } }
}
