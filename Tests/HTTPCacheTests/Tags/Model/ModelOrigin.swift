//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

@testable import HTTPCache

/// The origin of a history: holds every call until the history answers it, and knows when each was made.
final class ModelOrigin: Service, @unchecked Sendable {
  // @unchecked: reached by what runs on the history's scheduler only.

  /// One call. What it answers was read when it arrived.
  final class Call: @unchecked Sendable {
    // @unchecked: as its origin.
    let request: CacheRequest
    let scope: TagScope?
    /// Its number, which is when it arrived.
    let serial: Int
    fileprivate var result: Result<CacheResponse, any Error>?
    fileprivate var waiter: CheckedContinuation<Void, Never>?

    fileprivate init(_ request: CacheRequest, scope: TagScope?, serial: Int) {
      self.request = request
      self.scope = scope
      self.serial = serial
    }

    /// Whose request it is.
    var id: Int { Int(request.fields["X-Id"] ?? "") ?? -1 }
  }

  /// The calls that wait to be answered.
  private(set) var pending: [Call] = []
  private let ambientTags: (CacheRequest) -> [String]
  private let number: (CacheRequest) -> Int

  /// - Parameters:
  ///   - ambientTags: What is added below the handler.
  ///   - number: Gives the next call its number.
  init(ambientTags: @escaping (CacheRequest) -> [String], number: @escaping (CacheRequest) -> Int) {
    self.ambientTags = ambientTags
    self.number = number
  }

  func call(_ request: CacheRequest) async throws -> CacheResponse {
    let call = Call(request, scope: TagScope.ambient, serial: number(request))
    CacheTags.add(ambientTags(request))
    pending.append(call)
    if call.result == nil { await withCheckedContinuation { call.waiter = $0 } }
    guard let result = call.result else { throw OriginError() }
    return try result.get()
  }

  /// Answers `call`.
  func answer(_ call: Call, _ result: Result<CacheResponse, any Error>) {
    pending.removeAll { $0 === call }
    call.result = result
    call.waiter?.resume()
    call.waiter = nil
  }
}
