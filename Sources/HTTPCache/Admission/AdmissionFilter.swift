//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Decides what new resources of one route are stored (``AdmissionPolicy``). Its memory is bounded whatever is asked for.
final class AdmissionFilter: Sendable {
  private struct State {
    var intervalEnd = CacheInstant.distantPast
    var newKeyCount = 0
    var probation: ProbationTable
    var variants: [KeyDigest: Variants] = [:]
  }

  private struct Variants {
    var end: CacheInstant
    var fingerprints: [UInt32] = []
  }

  /// How many resources' variants are counted at a time.
  static let resourceLimit = 4_096

  private let policy: AdmissionPolicy
  private let state: Locked<State>

  init(_ policy: AdmissionPolicy) {
    self.policy = policy
    state = Locked(State(probation: ProbationTable(expectedCount: policy.newKeyLimit)))
  }

  /// Why a response under a key that is not stored yet is not to be stored either; nil when it is.
  ///
  /// - Parameters:
  ///   - key: What it would be stored under.
  ///   - primary: The same before `Vary`.
  func refusal(of key: CacheKey, primary: CacheKey, at now: CacheInstant) -> StoreRefusal? {
    state.withLock { state in
      if now >= state.intervalEnd {
        state.intervalEnd = now.advanced(by: policy.interval)
        state.newKeyCount = 0
        state.probation.nextGeneration()
      }
      if key != primary, !admitsVariant(key, of: primary, at: now, &state) { return .variantLimit }
      if state.newKeyCount < policy.newKeyLimit {
        state.newKeyCount += 1
        return nil
      }
      return state.probation.isRepeated(key.digest) ? nil : .probation
    }
  }

  private func admitsVariant(_ key: CacheKey, of primary: CacheKey, at now: CacheInstant, _ state: inout State) -> Bool
  {
    var variants = state.variants[primary.digest] ?? Variants(end: now.advanced(by: policy.interval))
    if now >= variants.end { variants = Variants(end: now.advanced(by: policy.interval)) }
    let fingerprint = UInt32(truncatingIfNeeded: key.digest.low)
    if variants.fingerprints.contains(fingerprint) { return true }
    guard variants.fingerprints.count < policy.variantLimit else { return false }
    variants.fingerprints.append(fingerprint)
    if state.variants.count >= Self.resourceLimit, state.variants[primary.digest] == nil {
      // Those whose interval is over first; if there are none, all: who fills the table is not who would be limited.
      state.variants = state.variants.filter { now < $0.value.end }
      if state.variants.count >= Self.resourceLimit { state.variants.removeAll() }
    }
    state.variants[primary.digest] = variants
    return true
  }
}
