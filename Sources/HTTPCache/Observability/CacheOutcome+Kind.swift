//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

extension CacheOutcome {
  /// An outcome without its reason.
  enum Kind: Int, CaseIterable {
    case hit, stale, revalidated, miss, collapsed, bypass, failed
  }

  /// The outcome without its reason.
  var kind: Kind {
    switch self {
    case .hit: .hit
    case .stale: .stale
    case .revalidated: .revalidated
    case .miss: .miss
    case .collapsed: .collapsed
    case .bypass: .bypass
    case .failed: .failed
    }
  }

  /// The reason, as `Cache-Status` and logs call it; nil for an outcome that needs none.
  var reason: String? {
    switch self {
    case .hit, .revalidated, .collapsed: nil
    case .stale(let reason): reason.rawValue
    case .miss(let reason): reason.rawValue
    case .bypass(let reason): reason.rawValue
    case .failed(let reason): reason.rawValue
    }
  }
}
