//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

#if os(Linux)
  import HTTPCache

  /// The interest of one client in the response for one resource. It ends when the value is let go.
  final class ResponseInterest: Sendable {
    private let resource: String
    private let client: ClientAddress
    private let pool: UpstreamPool

    init(in resource: String, of client: ClientAddress, _ pool: UpstreamPool) {
      self.resource = resource
      self.client = client
      self.pool = pool
      pool.beginInterest(in: resource, of: client)
    }

    deinit { pool.endInterest(in: resource, of: client) }

    /// Returns `body`, whose reader keeps the interest until its end.
    func lasting(to body: Body) -> Body {
      body.bytes == nil ? Body(Content(body, self), length: body.length) : body
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
