import AsyncHTTPClient
import BitTorrentProtocol
import NIOCore
import NIOHTTP1

/// Reads pages of a gateway and calls its services, over HTTP; follows no redirect, since nobody but
/// the gateway is to be asked.
final class GatewayClient: Sendable {
    private static let timeout = Duration.seconds(5)

    private let client: HTTPClient

    init(group: any EventLoopGroup) {
        var configuration = HTTPClient.Configuration()
        configuration.redirectConfiguration = .disallow
        configuration.timeout = .init(connect: .seconds(3), read: .seconds(5))
        configuration.httpVersion = .http1Only
        // Gateways keep few connections.
        configuration.connectionPool.idleTimeout = .milliseconds(100)
        configuration.connectionPool.retryConnectionEstablishment = false
        client = HTTPClient(eventLoopGroupProvider: .shared(group), configuration: configuration)
    }

    func description(at url: GatewayURL) async -> GatewayDescription? {
        let limit = GatewayDescription.maximumByteCount
        let bytes = await body(of: HTTPClientRequest(url: url.description), limit: limit)
        return bytes.flatMap { GatewayDescription(decoding: $0, from: url) }
    }

    func answer(
        of service: GatewayDescription.Service,
        to action: GatewayAction
    ) async -> GatewayAnswer? {
        var request = HTTPClientRequest(url: service.controlURL.description)
        request.method = .POST
        request.headers.add(name: "Content-Type", value: "text/xml; charset=\"utf-8\"")
        request.headers.add(name: "SOAPAction", value: action.header(for: service.kind))
        request.body = .bytes(action.body(for: service.kind))
        return await body(of: request, limit: GatewayAnswer.maximumByteCount)
            .flatMap { GatewayAnswer(decoding: $0, to: action) }
    }

    /// - Returns: `nil` if there is none in time, or it is longer than `limit`.
    private func body(of request: HTTPClientRequest, limit: Int) async -> [UInt8]? {
        let client = client
        return await withTaskGroup { group in
            group.addTask { () -> [UInt8]? in
                let deadline = NIODeadline.now() + TimeAmount(Self.timeout)
                guard let response = try? await client.execute(request, deadline: deadline),
                    // A fault comes with the status of a failure.
                    response.status == .ok || response.status == .internalServerError,
                    let body = try? await response.body.collect(upTo: limit)
                else { return nil }
                return Array(body.readableBytesView)
            }
            // The deadline of a request ends with the head of its response.
            group.addTask {
                try? await Task.sleep(for: Self.timeout)
                return nil
            }
            defer { group.cancelAll() }
            return await group.next() ?? nil
        }
    }

    func shutdown() async { try? await client.shutdown() }
}
