//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// The keys that several jobs want, put together for one request.
struct ReadPlan {
  private var shared: [MemcachedKey] = []
  private var own: [MemcachedKey] = []
  /// For every key of every job: from 0 up an own one, from -1 down a shared one.
  private var places: [Int] = []
  private var starts: [Int] = []
  private var ownEnds: [Int] = []

  mutating func add(_ wanted: [MemcachedKey]) {
    starts.append(places.count)
    for key in wanted {
      if key.isShared {
        var index = shared.firstIndex { $0.isSameMemory(as: key) }
        if index == nil {
          index = shared.count
          shared.append(key)
        }
        places.append(-1 - (index ?? 0))
      } else {
        places.append(own.count)
        own.append(key)
      }
    }
    ownEnds.append(own.count)
  }

  /// The keys to ask for.
  var keys: [MemcachedKey] { shared + own }
  /// For every job, the position behind the last key that it waits for.
  var ends: [Int] { ownEnds.map { $0 + shared.count } }

  /// Where the keys of a job are among the places.
  func positions(of job: Int) -> Range<Int> {
    starts[job]..<(job + 1 < starts.count ? starts[job + 1] : places.count)
  }

  /// Where the key of a place is among the keys.
  func position(_ place: Int) -> Int {
    let place = places[place]
    return place < 0 ? -1 - place : shared.count + place
  }
}
