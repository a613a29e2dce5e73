//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

#if os(Linux)
  import HTTPCache

  /// The interest of one request in the response to another, which the cache has collapsed it with. It ends when the value is
  /// let go, and when the request is sent to the origin itself.
  final class ResponseInterest: Sendable {
    private let request: RequestClient
    private let pool: UpstreamPool
    private let hasBegun = Guarded(false)

    init(of request: RequestClient, _ pool: UpstreamPool) {
      self.request = request
      self.pool = pool
    }

    deinit { if hasBegun.withLock({ $0 }) { pool.unfollow(request) } }

    /// The request waits for the response to `call`, and for no other any more.
    func begin(in call: OriginCall) {
      hasBegun.withLock { $0 = true }
      pool.follow(call, for: request)
    }

    /// Returns `body`, whose reader keeps the interest until its end.
    func lasting(to body: Body) -> Body {
      let hasBegun = hasBegun.withLock { $0 }
      return hasBegun && body.bytes == nil ? Body(Content(body, self), length: body.length) : body
    }

    private final class Content: BodySource {
      private let reader: BodyReader
      private let interest: Guarded<ResponseInterest?>

      init(_ body: Body, _ interest: ResponseInterest) {
        reader = body.makeReader()
        self.interest = Guarded(interest)
      }

      func next() async throws -> Bytes? {
        do {
          if let piece = try await reader.next() { return piece }
        } catch {
          end()
          throw error
        }
        end()
        return nil
      }

      var trailers: HeaderFields? { reader.trailers }

      func cancel() {
        reader.cancel()
        end()
      }

      private func end() { _ = interest.withLock { $0.take() } }
    }
  }
#endif
